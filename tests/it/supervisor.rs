//! The supervisor from outside: real git, real checks, an operator on a link.

mod flow;

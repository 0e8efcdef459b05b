//! One binary for all integration tests.

#![cfg_attr(
    test,
    expect(
        clippy::wildcard_enum_match_arm,
        reason = "a test picks out what it waits for and passes over all else"
    )
)]

#[cfg(test)]
mod acp;
#[cfg(test)]
mod attic;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod calm;
#[cfg(test)]
mod cheats;
#[cfg(test)]
mod cleanup;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod config;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod host;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod model_worker;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod ordeal;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod payloads;
#[cfg(test)]
mod place;
#[cfg(test)]
mod plain;
#[cfg(test)]
mod process;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod screens;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod spec;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod supervisor;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod verifier;
#[cfg(test)]
mod wake;
#[cfg(test)]
mod worker;
#[cfg(test)]
mod workspace;
#[cfg(test)]
mod world;

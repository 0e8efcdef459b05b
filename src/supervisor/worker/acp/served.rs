//! What the agent asks of us, answered: leave from rules and operator, files and commands of the
//! workspace. Every request ends in exactly one answer.

use std::cell::RefCell;
use std::path::Path;

use agent_client_protocol::v1::schema::{
    AgentRequest, CreateTerminalRequest, CreateTerminalResponse, EnvVariable, KillTerminalResponse,
    PermissionOption, PermissionOptionId, PermissionOptionKind, ReadTextFileRequest,
    ReadTextFileResponse, ReleaseTerminalResponse, RequestPermissionOutcome,
    RequestPermissionResponse, SelectedPermissionOutcome, TerminalOutputResponse,
    ToolCallUpdateFields, WaitForTerminalExitResponse, WriteTextFileRequest, WriteTextFileResponse,
};
use agent_client_protocol::{Error, ErrorCode};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::call;
use super::clock::Clock;
use super::files::{Part, Place};
use super::terminals::{self, Terminals};
use crate::run::inert::{cut, inert};
use crate::supervisor::process::{Home, Stdin};
use crate::supervisor::worker::Kind;
use crate::supervisor::worker::leave::{Call, Leave, Permit};

/// Most commands that were allowed and not run yet.
const MOST_GRANTED: usize = 32;

/// What answers an agent.
pub(super) struct Served {
    pub place: Place,
    pub home: Home,
    pub leave: Leave,
    pub clock: Clock,
    pub terminals: Terminals,
    /// Whether the session is being cancelled: open questions are taken back.
    pub cancelled: watch::Receiver<bool>,
    /// Command lines that the operator or a rule has just allowed: they are not asked for twice.
    pub granted: RefCell<Vec<String>>,
    /// Whether some call was refused in this turn.
    pub refused: RefCell<bool>,
}

/// What is told of a request that was answered.
pub(super) type Told = Vec<(Kind, String)>;

/// The answer and what is told of it.
type Answer = (Result<Value, Error>, Told);

impl Served {
    /// Answers one request. `whole` is all that is known of the tool call that it is about.
    pub(super) async fn answer(
        &self,
        request: AgentRequest,
        whole: Option<ToolCallUpdateFields>,
    ) -> Answer {
        match request {
            AgentRequest::RequestPermissionRequest(asked) => {
                let fields = whole.unwrap_or(asked.tool_call.fields);
                self.permission(&fields, &asked.options).await
            }
            AgentRequest::ReadTextFileRequest(asked) => self.read(asked).await,
            AgentRequest::WriteTextFileRequest(asked) => self.write(asked).await,
            AgentRequest::CreateTerminalRequest(asked) => self.create(asked).await,
            AgentRequest::TerminalOutputRequest(asked) => quiet(self.output(&asked.terminal_id.0)),
            AgentRequest::WaitForTerminalExitRequest(asked) => {
                let id = &asked.terminal_id.0;
                let exit = self.terminals.exit(id).await;
                quiet(match exit {
                    Some(exit) => value(WaitForTerminalExitResponse::new(terminals::status(exit))),
                    None => Err(no_terminal(id)),
                })
            }
            AgentRequest::KillTerminalRequest(asked) => {
                let id = &asked.terminal_id.0;
                let killed = self.terminals.kill(id);
                quiet(known(killed, id).and_then(|()| value(KillTerminalResponse::new())))
            }
            AgentRequest::ReleaseTerminalRequest(asked) => {
                let id = &asked.terminal_id.0;
                let released = self.terminals.release(id);
                quiet(known(released, id).and_then(|()| value(ReleaseTerminalResponse::new())))
            }
            // What the protocol has and we do not offer, and what agents make up.
            AgentRequest::CreateElicitationRequest(_) | AgentRequest::ExtMethodRequest(_) | _ => {
                quiet(Err(Error::method_not_found()))
            }
        }
    }

    async fn permission(
        &self,
        fields: &ToolCallUpdateFields,
        options: &[PermissionOption],
    ) -> Answer {
        let calls = call::calls(fields, &self.place);
        let Some(permit) = self.permit(&calls).await else {
            return quiet(value(RequestPermissionResponse::new(
                RequestPermissionOutcome::Cancelled,
            )));
        };
        let (kinds, told) = match permit {
            Permit::Allowed => {
                if let Some(line) = call::command(fields) {
                    self.grant(line);
                }
                (ALLOWING, Vec::new())
            }
            Permit::Refused(why) => (REFUSING, self.refuse(&calls, &why)),
        };
        // Without an option to say so, leave is not given: cancelled refuses the call as well.
        let outcome = match choose(options, kinds) {
            Some(id) => RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(id)),
            None => RequestPermissionOutcome::Cancelled,
        };
        (value(RequestPermissionResponse::new(outcome)), told)
    }

    /// What rules or operator say to all of these at once; `None` where the session is cancelled.
    async fn permit(&self, calls: &[Call]) -> Option<Permit> {
        // The time that the operator takes is not the worker's.
        let _stopped = self.clock.stop();
        let mut cancelled = self.cancelled.clone();
        tokio::select! {
            biased;
            Ok(_) = cancelled.wait_for(|c| *c) => None,
            (permit, _) = self.leave.of_all(calls) => Some(permit),
        }
    }

    fn refuse(&self, calls: &[Call], why: &str) -> Told {
        *self.refused.borrow_mut() = true;
        let named = calls.first().map(|c| format!("{} {}", c.tool, c.subject));
        let named = cut(&inert(&named.unwrap_or_default()), 200);
        let why = if why.is_empty() { "no leave" } else { why };
        vec![(Kind::Guardrail, format!("refused: {named}: {why}"))]
    }

    fn grant(&self, line: String) {
        let mut granted = self.granted.borrow_mut();
        granted.truncate(MOST_GRANTED);
        granted.insert(0, line);
    }

    async fn read(&self, asked: ReadTextFileRequest) -> Answer {
        let call = self.file_call("Read", &asked.path);
        if let Some(rule) = self.leave.forbids(&call) {
            return self.forbidden(&call, &rule);
        }
        let part = Part {
            line: asked.line,
            limit: asked.limit,
        };
        let place = self.place.clone();
        let read = blocking(move || place.read(&asked.path, part)).await;
        match read {
            Ok(text) => (value(ReadTextFileResponse::new(text)), Vec::new()),
            // An agent looks so whether a file is there before it makes it: that is no mistake.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                quiet(Err(missing(&call)))
            }
            Err(error) => failed(&call, &error),
        }
    }

    /// The workspace is the worker's own: what no rule forbids is written, and measured afterwards.
    async fn write(&self, asked: WriteTextFileRequest) -> Answer {
        let call = self.file_call("Write", &asked.path);
        if let Some(rule) = self.leave.forbids(&call) {
            return self.forbidden(&call, &rule);
        }
        let place = self.place.clone();
        let lines = asked.content.lines().count();
        let written = blocking(move || place.write(&asked.path, &asked.content)).await;
        match written {
            Ok(()) => {
                let line = format!("{}, {lines} lines", call.subject);
                let told = vec![(Kind::File, line)];
                (value(WriteTextFileResponse::new()), told)
            }
            Err(error) => failed(&call, &error),
        }
    }

    fn file_call(&self, tool: &str, path: &Path) -> Call {
        Call {
            tool: tool.to_owned(),
            subject: self.place.shown(path),
            what: String::new(),
        }
    }

    fn forbidden(&self, call: &Call, rule: &str) -> Answer {
        let why = format!("the loop's rule {rule} forbids it");
        let told = self.refuse(std::slice::from_ref(call), &why);
        (Err(error(&why)), told)
    }

    async fn create(&self, asked: CreateTerminalRequest) -> Answer {
        let mut argv = vec![asked.command.clone()];
        argv.extend(asked.args);
        if argv.len() == 1 && asked.command.contains(char::is_whitespace) {
            // Some agents send a whole line as the program.
            argv = vec!["sh".to_owned(), "-c".to_owned(), asked.command];
        }
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let line = around(
            &asked.env,
            self.elsewhere(asked.cwd.as_deref()),
            &call::command_line(&words),
        );
        let call = command_call(&line);
        let folder = match self.place.folder(asked.cwd.as_deref()) {
            Ok(folder) => folder,
            Err(error) => return failed(&call, &error),
        };
        match self.command_permit(&call).await {
            Some(Permit::Allowed) => {}
            Some(Permit::Refused(why)) => {
                let told = self.refuse(std::slice::from_ref(&call), &why);
                let words = if why.is_empty() {
                    "the operator refused it"
                } else {
                    &why
                };
                return (Err(error(words)), told);
            }
            None => return quiet(Err(error("the session is cancelled"))),
        }
        let mut order = self.home.order(argv, &folder, Stdin::Null);
        for variable in asked.env {
            order.env.retain(|(name, _)| *name != variable.name);
            order.env.push((variable.name, variable.value.into()));
        }
        let started = self.terminals.start(order, asked.output_byte_limit).await;
        let told = vec![(Kind::Tool, format!("Bash {}", cut(&line, 400)))];
        match started {
            Ok(id) => (value(CreateTerminalResponse::new(id)), told),
            Err(why) => (Err(error(&why)), told),
        }
    }

    /// The folder that a command wants, where it is not the workspace itself.
    fn elsewhere(&self, folder: Option<&Path>) -> Option<String> {
        let shown = self.place.shown(folder?);
        (!["", "."].contains(&shown.as_str())).then_some(shown)
    }

    /// A command that has just been allowed as a tool call is not asked for again.
    async fn command_permit(&self, call: &Call) -> Option<Permit> {
        let before = {
            let mut granted = self.granted.borrow_mut();
            let at = granted.iter().position(|line| *line == call.subject);
            at.map(|at| granted.remove(at))
        };
        match before {
            Some(_) => Some(Permit::Allowed),
            None => self.permit(std::slice::from_ref(call)).await,
        }
    }

    fn output(&self, id: &str) -> Result<Value, Error> {
        let shown = self.terminals.shown(id).ok_or_else(|| no_terminal(id))?;
        let exit = shown.exit.map(terminals::status);
        value(TerminalOutputResponse::new(shown.text, shown.cut).exit_status(exit))
    }
}

/// A command line with what the agent sets around it: neither a rule nor an operator that allows
/// «cargo test» has allowed it with another PATH, or in another folder.
fn around(env: &[EnvVariable], folder: Option<String>, line: &str) -> String {
    let folder = folder.map_or(String::new(), |folder| format!("cd {folder} && "));
    let set = env
        .iter()
        .map(|variable| format!("{}={} ", variable.name, variable.value));
    format!("{folder}{}{line}", set.collect::<String>())
}

/// The call that a command line is, for rules and operator.
fn command_call(line: &str) -> Call {
    let fields = ToolCallUpdateFields::new().raw_input(serde_json::json!({ "command": line }));
    Call {
        tool: "Bash".to_owned(),
        subject: line.to_owned(),
        what: call::in_words(&fields),
    }
}

/// Never «always»: what holds for the whole run is kept by the run, where it is journalled.
const ALLOWING: &[PermissionOptionKind] = &[PermissionOptionKind::AllowOnce];

/// A refusal for good is better than none, where an agent offers nothing else.
const REFUSING: &[PermissionOptionKind] = &[
    PermissionOptionKind::RejectOnce,
    PermissionOptionKind::RejectAlways,
];

fn choose(
    options: &[PermissionOption],
    kinds: &[PermissionOptionKind],
) -> Option<PermissionOptionId> {
    let mut wanted = kinds.iter();
    let found = wanted.find_map(|kind| options.iter().find(|option| option.kind == *kind))?;
    Some(found.option_id.clone())
}

fn value(answer: impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(answer).map_err(|e| error(&e.to_string()))
}

fn quiet(answer: Result<Value, Error>) -> Answer {
    (answer, Vec::new())
}

fn failed(call: &Call, why: &std::io::Error) -> Answer {
    let line = format!("{} {}: {why}", call.tool, call.subject);
    (Err(error(&line)), vec![(Kind::Error, line)])
}

/// In the protocol's own code, and with the word that agents on Node look for.
fn missing(call: &Call) -> Error {
    let words = format!("ENOENT: {}: no such file", call.subject);
    Error::new(ErrorCode::RESOURCE_NOT_FOUND, words)
}

fn error(why: &str) -> Error {
    Error::new(ErrorCode::INVALID_PARAMS, why)
}

fn known(there: bool, id: &str) -> Result<(), Error> {
    there.then_some(()).ok_or_else(|| no_terminal(id))
}

fn no_terminal(id: &str) -> Error {
    error(&format!("there is no terminal {id}"))
}

/// Files are read and written beside the supervisor's thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(lost) => Err(std::io::Error::other(lost)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R45: what an agent sets around a command stands in what is ruled on and shown.
    #[test]
    fn a_command_is_shown_with_what_is_around_it() {
        let env = [EnvVariable::new("PATH", "/tmp/evil")];
        let line = around(&env, Some("sub".to_owned()), "cargo test");
        assert_eq!(line, "cd sub && PATH=/tmp/evil cargo test");
        assert_eq!(around(&[], None, "cargo test"), "cargo test");
    }
}

//! The agent of the tests, over the agent's side of the protocol's crate. It runs in this process,
//! or in one of its own: this very test binary, told by `ACP_CASE` what to do.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::time::Duration;

use agent_client_protocol::v1::schema::{
    CancelNotification, ContentBlock, ContentChunk, CreateTerminalRequest, Diff, InitializeRequest,
    InitializeResponse, NewSessionRequest, NewSessionResponse, PermissionOption,
    PermissionOptionKind, PromptRequest, PromptResponse, ReadTextFileRequest,
    ReleaseTerminalRequest, RequestPermissionOutcome, RequestPermissionRequest,
    SessionNotification, SessionUpdate, StopReason, TerminalOutputRequest, ToolCallUpdate,
    ToolCallUpdateFields, ToolKind, WaitForTerminalExitRequest, WriteTextFileRequest,
};
use agent_client_protocol::v1::{ConnectionTo, Responder};
use agent_client_protocol::{Agent, Client, ConnectTo, Error, ErrorCode, Lines};
use futures_util::{sink, stream};
use tokio::sync::{mpsc, watch};

const SESSION: &str = "session-1";

/// What the agent does with its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// Asks for leave to write count.txt, and writes it through the client.
    Write,
    /// Runs a command in a terminal of the client.
    Terminal,
    /// Tries to leave the workspace in every way.
    Outside,
    /// Talks until it is cancelled.
    Talk,
    /// Wants a login.
    Login,
    /// Ends with exit 3 in the middle of its turn.
    Exit,
    /// Asks for leave with a command that is no reading.
    Twice,
}

impl Case {
    const ALL: [(&'static str, Self); 7] = [
        ("write", Self::Write),
        ("terminal", Self::Terminal),
        ("outside", Self::Outside),
        ("talk", Self::Talk),
        ("login", Self::Login),
        ("exit", Self::Exit),
        ("twice", Self::Twice),
    ];

    /// The table of a worker that does this, for a loop file.
    pub(crate) fn worker(self) -> String {
        let word = Self::ALL.iter().find(|(_, case)| *case == self).unwrap().0;
        let exe = std::env::current_exe().unwrap();
        format!(
            r#"{{ type = "acp", command = ["env", "ACP_CASE={word}", "{}", "--ignored", "--exact", "acp::agent::speak", "--nocapture"] }}"#,
            exe.display()
        )
    }
}

/// The agent's process; without a case it is no test and does nothing.
#[test]
#[ignore = "it is the agent that other tests start"]
fn speak() {
    let Ok(word) = std::env::var("ACP_CASE") else {
        return;
    };
    let case = Case::ALL.iter().find(|(name, _)| *name == word).unwrap().1;
    // The test runner has begun a line.
    io::stdout()
        .write_all(b"\nthis line is no message\n")
        .unwrap();
    let (lines, mut read) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let incoming = stream::poll_fn(move |cx| read.poll_recv(cx));
    let outgoing = sink::unfold((), async |(), line: String| {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // A client that hangs up early is no failure of the agent.
    drop(runtime.block_on(serve(case, Lines::new(outgoing, incoming))));
}

/// Serves one client until it hangs up.
pub(crate) async fn serve(
    case: Case,
    transport: impl ConnectTo<Agent> + 'static,
) -> Result<(), Error> {
    let (cancel, cancelled) = watch::channel(false);
    Agent
        .v1()
        .on_receive_request(
            async move |asked: InitializeRequest, responder: Responder<InitializeResponse>, _cx| {
                responder.respond(InitializeResponse::new(asked.protocol_version))
            },
            agent_client_protocol::on_receive_request!(),
        )
        .on_receive_request(
            async move |_: NewSessionRequest, responder: Responder<NewSessionResponse>, _cx| {
                if case == Case::Login {
                    return responder.respond_with_error(Error::auth_required());
                }
                responder.respond(NewSessionResponse::new(SESSION))
            },
            agent_client_protocol::on_receive_request!(),
        )
        .on_receive_request(
            async move |_: PromptRequest,
                        responder: Responder<PromptResponse>,
                        cx: ConnectionTo<Client>| {
                let turn = Turn {
                    cx: cx.clone(),
                    cancelled: cancelled.clone(),
                };
                cx.spawn(async move {
                    let stop = turn.take(case).await?;
                    responder.respond(PromptResponse::new(stop))
                })
            },
            agent_client_protocol::on_receive_request!(),
        )
        .on_receive_notification(
            async move |_: CancelNotification, _cx| {
                cancel.send_replace(true);
                Ok(())
            },
            agent_client_protocol::on_receive_notification!(),
        )
        .connect_to(transport)
        .await
}

#[expect(clippy::exit, reason = "an agent that ends in the middle of its turn")]
fn die() -> ! {
    io::stderr().write_all(b"out of ink\n").unwrap();
    std::process::exit(3)
}

struct Turn {
    cx: ConnectionTo<Client>,
    cancelled: watch::Receiver<bool>,
}

impl Turn {
    async fn take(mut self, case: Case) -> Result<StopReason, Error> {
        match case {
            Case::Write => self.write().await,
            Case::Twice => {
                self.write().await?;
                self.write().await
            }
            Case::Terminal => self.terminal().await,
            Case::Outside => self.outside().await,
            Case::Talk => {
                self.say("once upon a time\n")?;
                let cancelled = self.cancelled.wait_for(|c| *c).await.is_ok();
                assert!(cancelled, "hung up on instead of cancelled");
                self.say("and so it ends")?;
                return Ok(StopReason::Cancelled);
            }
            Case::Login => Ok(()),
            Case::Exit => {
                self.say("half a sen")?;
                tokio::time::sleep(Duration::from_millis(20)).await;
                die();
            }
        }?;
        Ok(StopReason::EndTurn)
    }

    fn say(&self, text: &str) -> Result<(), Error> {
        let chunk = ContentChunk::new(ContentBlock::from(text));
        let update = SessionUpdate::AgentMessageChunk(chunk);
        self.cx
            .send_notification(SessionNotification::new(SESSION, update))
    }

    /// Whether leave was given.
    async fn leave(&self, fields: ToolCallUpdateFields) -> Result<bool, Error> {
        let option = |id: &'static str, kind| PermissionOption::new(id, id, kind);
        let options = vec![
            option("0", PermissionOptionKind::AllowAlways),
            option("1", PermissionOptionKind::RejectOnce),
            option("2", PermissionOptionKind::AllowOnce),
        ];
        let call = ToolCallUpdate::new("call-1", fields);
        let request = RequestPermissionRequest::new(SESSION, call, options);
        let answer = self.cx.send_request(request).block_task().await?;
        Ok(match answer.outcome {
            RequestPermissionOutcome::Selected(chosen) => {
                assert_ne!(&*chosen.option_id.0, "0", "never for good");
                &*chosen.option_id.0 == "2"
            }
            _ => false,
        })
    }

    async fn write(&self) -> Result<(), Error> {
        let path = std::env::current_dir().unwrap().join("count.txt");
        let text = "1\n2\n3\n";
        let fields = ToolCallUpdateFields::new()
            .kind(ToolKind::Edit)
            .title("Count to three")
            .content(vec![Diff::new(path.clone(), text).into()]);
        if !self.leave(fields).await? {
            return self.say("I may not.");
        }
        let write = WriteTextFileRequest::new(SESSION, path, text);
        self.cx.send_request(write).block_task().await?;
        self.say("I counted to three.")
    }

    async fn terminal(&self) -> Result<(), Error> {
        let line = "printf 'a\\nb\\n'; pwd >&2; exit 7";
        let fields = ToolCallUpdateFields::new()
            .kind(ToolKind::Execute)
            .raw_input(serde_json::json!({ "command": ["bash", "-lc", line] }));
        if !self.leave(fields).await? {
            return self.say("I may not.");
        }
        let create =
            CreateTerminalRequest::new(SESSION, "sh").args(vec!["-c".to_owned(), line.to_owned()]);
        let id = self.cx.send_request(create).block_task().await?.terminal_id;
        let wait = WaitForTerminalExitRequest::new(SESSION, id.clone());
        let exit = self.cx.send_request(wait).block_task().await?;
        let output = TerminalOutputRequest::new(SESSION, id.clone());
        let shown = self.cx.send_request(output).block_task().await?;
        let release = ReleaseTerminalRequest::new(SESSION, id.clone());
        self.cx.send_request(release).block_task().await?;
        let again = TerminalOutputRequest::new(SESSION, id);
        let gone = self.cx.send_request(again).block_task().await.is_err();
        self.say(&format!(
            "{:?} {} {gone}\n{}",
            exit.exit_status.exit_code, shown.truncated, shown.output
        ))
    }

    async fn outside(&self) -> Result<(), Error> {
        for path in ["/etc/hostname", "../../x", "in/../../x"] {
            let read = ReadTextFileRequest::new(SESSION, PathBuf::from(path));
            let read = self.cx.send_request(read).block_task().await;
            let write = WriteTextFileRequest::new(SESSION, PathBuf::from(path), "no");
            let write = self.cx.send_request(write).block_task().await;
            self.say(&format!("{path}: {} {}\n", read.is_err(), write.is_err()))?;
        }
        let create = CreateTerminalRequest::new(SESSION, "true").cwd(PathBuf::from("/"));
        let create = self.cx.send_request(create).block_task().await;
        let secret = WriteTextFileRequest::new(SESSION, PathBuf::from(".env"), "no");
        let secret = self.cx.send_request(secret).block_task().await;
        let plain = WriteTextFileRequest::new(SESSION, PathBuf::from("in/plain"), "yes");
        let plain = self.cx.send_request(plain).block_task().await;
        let none = ReadTextFileRequest::new(SESSION, PathBuf::from("in/none"));
        let none = self.cx.send_request(none).block_task().await;
        assert_eq!(none.unwrap_err().code, ErrorCode::RESOURCE_NOT_FOUND);
        self.say(&format!(
            "{} {} {}",
            create.is_err(),
            secret.is_err(),
            plain.is_ok()
        ))
    }
}

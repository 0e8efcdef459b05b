//! One session over the protocol's crate: introduced, opened, set to a mode that asks, given its
//! prompt, cancelled. What the agent says and asks meanwhile comes out as `News`.

use std::path::PathBuf;
use std::time::Duration;

use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::schema::{
    AgentRequest, CancelNotification, ClientCapabilities, FileSystemCapabilities, Implementation,
    InitializeRequest, NewSessionRequest, NewSessionResponse, PromptRequest, PromptResponse,
    SessionId, SessionUpdate, SetSessionModeRequest,
};
use agent_client_protocol::v1::{ConnectionTo, Responder};
use agent_client_protocol::{Agent, Client, Error, Lines};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::lines::{self, Open};

/// How long an agent may take to introduce itself, and again to open a session.
/// The slowest seen needed 9 s for each, on a busy machine.
pub(super) const OPENING: Duration = Duration::from_secs(60);

/// The modes in which agents ask before they write or run something, the best first.
/// claude, gemini and qwen call it `default`, both of codex `read-only`.
const ASKING: [&str; 2] = ["default", "read-only"];

/// What comes out of a session while it runs.
pub(super) enum News {
    /// The agent said or did something.
    Update(Box<SessionUpdate>),
    /// The agent wants something of us.
    Asked(Box<AgentRequest>, Responder),
    /// It stands: who the agent is, and what mode was set.
    Opened {
        agent: Option<Implementation>,
        mode: Option<Mode>,
    },
    /// A line that is no message.
    Junk(String),
    /// A message that could not be read, in words.
    Unread(String),
}

/// The mode of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mode {
    /// The agent's own name for it.
    pub id: String,
    /// What it was before, where it was changed.
    pub before: Option<String>,
}

/// What a session is opened with.
pub(super) struct Plan {
    pub prompt: String,
    pub folder: PathBuf,
    /// Asks for its end.
    pub cancel: watch::Receiver<bool>,
}

/// The step of a session in which something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// `initialize`
    Introduce,
    /// `session/new`
    Open,
    /// `session/set_mode`
    SetMode,
    /// `session/prompt`
    Prompt,
}

/// Why a session brought no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The agent answered with an error, or its connection ended.
    Error(Step, Error),
    /// It did not answer in time.
    Silent(Step),
}

/// Carries one prompt to the agent and brings back its answer.
pub(super) async fn hold<R, W>(
    (output, input): (R, W),
    plan: Plan,
    news: mpsc::Sender<News>,
) -> Result<PromptResponse, Trouble>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let open = Open::default();
    let outgoing = lines::outgoing(input, open.clone());
    let incoming = lines::incoming(output, open, news.clone());
    let asked = news.clone();
    let held = Client
        .v1()
        .name("checkride")
        .on_receive_request(
            async move |request: AgentRequest, responder: Responder, _cx| {
                // A session that is over answers nothing: the responder does, with an error.
                drop(asked.send(News::Asked(Box::new(request), responder)).await);
                Ok(())
            },
            agent_client_protocol::on_receive_request!(),
        )
        .connect_with(Lines::new(outgoing, incoming), async move |cx| {
            Ok(converse(&cx, plan, &news).await)
        })
        .await;
    held.unwrap_or_else(|error| Err(Trouble::Error(Step::Prompt, error)))
}

async fn converse(
    cx: &ConnectionTo<Agent>,
    plan: Plan,
    news: &mpsc::Sender<News>,
) -> Result<PromptResponse, Trouble> {
    let introduced = within(Step::Introduce, async {
        cx.send_request(introduction()).block_task().await
    })
    .await?;
    let new = NewSessionRequest::new(plan.folder);
    let opened = within(Step::Open, async {
        cx.send_request(new).block_task().await
    })
    .await?;
    let session = opened.session_id.clone();
    let mode = asking_mode(&opened);
    if let Some(Mode {
        id,
        before: Some(_),
    }) = &mode
    {
        let set = SetSessionModeRequest::new(session.clone(), id.clone());
        within(Step::SetMode, async {
            cx.send_request(set).block_task().await
        })
        .await?;
    }
    let agent = introduced.agent_info;
    drop(news.send(News::Opened { agent, mode }).await);
    prompt(cx, &session, plan.prompt, plan.cancel).await
}

async fn prompt(
    cx: &ConnectionTo<Agent>,
    session: &SessionId,
    text: String,
    mut cancel: watch::Receiver<bool>,
) -> Result<PromptResponse, Trouble> {
    let request = PromptRequest::new(session.clone(), vec![text.into()]);
    let answer = cx.send_request(request).block_task();
    tokio::pin!(answer);
    let cancelled = async {
        if cancel.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let answered = tokio::select! {
        answered = &mut answer => answered,
        () = cancelled => {
            // An agent that is gone needs no cancelling; its answer says so.
            drop(cx.send_notification(CancelNotification::new(session.clone())));
            answer.await
        }
    };
    answered.map_err(|error| Trouble::Error(Step::Prompt, error))
}

/// Writing is offered, so that the loop's rules stand before it. Reading is served and not
/// offered: gemini 0.61 cannot make a new file where it must ask a client whether there is one
/// (it takes the protocol's «not found» for a broken disk), and every agent reads the disk as well.
fn introduction() -> InitializeRequest {
    let files = FileSystemCapabilities::new().write_text_file(true);
    let able = ClientCapabilities::new().fs(files).terminal(true);
    InitializeRequest::new(ProtocolVersion::V1)
        .client_capabilities(able)
        .client_info(Implementation::new("checkride", env!("CARGO_PKG_VERSION")))
}

/// The mode in which this agent asks for leave, where it offers one.
fn asking_mode(opened: &NewSessionResponse) -> Option<Mode> {
    let modes = opened.modes.as_ref()?;
    let offered = |id: &&&str| modes.available_modes.iter().any(|m| &*m.id.0 == **id);
    let current = modes.current_mode_id.0.to_string();
    let id = ASKING.iter().find(offered);
    let id = id.map_or_else(|| current.clone(), |id| (*id).to_owned());
    let before = (id != current).then_some(current);
    Some(Mode { id, before })
}

async fn within<T>(
    step: Step,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Trouble> {
    match timeout(OPENING, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Trouble::Error(step, error)),
        Err(_) => Err(Trouble::Silent(step)),
    }
}

//! Notices: a receiver on loopback that checks what it is told, one that is slow, one that is dead,
//! and a command of the user's own.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use checkride::protocol::{Command, Fact};
use checkride::run::Decision;
use checkride::supervisor::clock::Clock;
use checkride::supervisor::notices::signature;
use checkride::supervisor::{Settings, Supervisor};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::timeout;

use crate::world::{Operator, World, quiet_now};

const SECRET: &str = "a secret of twenty letters";

/// A request as it came, and how it was answered.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Post {
    fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value)
    }

    /// What a careful receiver asks: is it signed with the secret, fresh, and new?
    fn is_taken(&self, now_s: i64, known: &[String]) -> Result<(), &'static str> {
        let stamp = self.header("checkride-timestamp");
        if self.header("checkride-signature") != signature(SECRET, stamp, &self.body) {
            return Err("forged");
        }
        if (now_s - stamp.parse::<i64>().unwrap()).abs() > 300 {
            return Err("stale");
        }
        if known.iter().any(|id| id == self.header("checkride-id")) {
            return Err("replayed");
        }
        Ok(())
    }
}

/// A receiver that answers the n-th request so; `None` never answers.
pub(crate) struct Receiver {
    pub(crate) url: String,
    posts: Arc<Mutex<Vec<Post>>>,
}

impl Receiver {
    pub(crate) async fn answering(answers: &'static [Option<u16>]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let posts: Arc<Mutex<Vec<Post>>> = Arc::default();
        let kept = posts.clone();
        tokio::spawn(async move {
            'calls: loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = Vec::new();
                let post = loop {
                    let mut some = [0; 4096];
                    let read = stream.read(&mut some).await.unwrap_or(0);
                    if read == 0 {
                        // Whoever called is gone, as a host that ends in between.
                        continue 'calls;
                    }
                    bytes.extend_from_slice(&some[..read]);
                    let text = String::from_utf8(bytes.clone()).unwrap();
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let (head, body) = (head.to_owned(), body.to_owned());
                        let post = Post { head, body };
                        let length = post.header("content-length").parse::<usize>();
                        if length.unwrap() == post.body.len() {
                            break post;
                        }
                    }
                };
                let n = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(post);
                    kept.len() - 1
                };
                match answers.get(n).or(answers.last()).unwrap() {
                    Some(status) => {
                        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                    None => {
                        tokio::spawn(async move {
                            let mut never = [0; 1];
                            drop(stream.read(&mut never).await);
                        });
                    }
                }
            }
        });
        Self { url, posts }
    }

    fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    pub(crate) async fn has(&self, count: usize) -> Vec<Post> {
        let enough = async {
            while self.posts().len() < count {
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let late = timeout(Duration::from_secs(120), enough).await;
        assert!(late.is_ok(), "{:#?}", self.posts());
        self.posts()
    }
}

/// A project with one loop, and a user who is told.
fn world(notify: &str) -> (World, Settings) {
    let world = World::new();
    world.skill("greet");
    world.write(
        "loops/greet.toml",
        "version = 1\nname = \"greet\"\ndescription = \"Greets.\"\n\
         [skill]\npath = \"skills/greet\"\n\
         [worker]\ntype = \"command\"\n\
         command = [\"sh\", \"-c\", \"cat >/dev/null; echo hello > notes.md; echo done\"]\n\
         [goal]\nstatement = \"notes.md greets.\"\n\
         [[goal.verify.checks]]\nname = \"greets\"\ncommand = [\"grep\", \"-q\", \"hello\", \"notes.md\"]\n",
    );
    world.commit("a loop");
    let mut settings = world.settings();
    fs::create_dir_all(&settings.config).unwrap();
    fs::write(settings.config.join("config.toml"), notify).unwrap();
    settings.env.push(("HOOK_SECRET".into(), SECRET.into()));
    (world, settings)
}

fn webhook(url: &str) -> String {
    format!("[notify]\nwebhook = \"{url}\"\nsecret_env = \"HOOK_SECRET\"\n")
}

fn now_s() -> i64 {
    Clock::System.now_ms() / 1000
}

/// S22, S24: each checkpoint is told once, signed over time and body, over the death of the host;
/// a receiver can tell what is forged, changed, old or sent again.
#[tokio::test]
async fn each_checkpoint_is_told_once_and_signed() {
    let receiver = Receiver::answering(&[Some(200)]).await;
    let (_world, settings) = world(&webhook(&receiver.url));
    let supervisor = Supervisor::start(settings.clone()).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("greet").await;
    operator.approve("prompt").await;
    operator.approve("work").await;
    let open = operator.asked("verdict").await;
    let posts = receiver.has(3).await;
    supervisor.end();
    let state = settings.state.clone();
    let again = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&again).await;
    operator.answer(&open, Decision::APPROVE).await;
    operator.ended().await;
    let kinds: Vec<&str> = posts.iter().map(|p| p.body.as_str()).collect();
    assert_eq!(
        kinds[2],
        r#"{"id":"greet-1.3","loop":"greet","run":"greet-1","kind":"verdict","text":"greet-1 waits: verdict"}"#
    );
    let mut known = Vec::new();
    for post in &posts {
        assert_eq!(post.is_taken(now_s(), &known), Ok(()), "{post:#?}");
        known.push(post.header("checkride-id").to_owned());
        assert!(!format!("{post:?}").contains(SECRET));
        assert_eq!(post.is_taken(now_s(), &known), Err("replayed"));
        assert_eq!(post.is_taken(now_s() + 301, &[]), Err("stale"));
        let mut forged = post.clone();
        forged.body = forged.body.replace("greet", "other");
        assert_eq!(forged.is_taken(now_s(), &[]), Err("forged"));
        forged = post.clone();
        let old = forged.header("checkride-timestamp").to_owned();
        forged.head = forged.head.replace(&old, &(now_s() + 1000).to_string());
        assert_eq!(forged.is_taken(now_s() + 1000, &[]), Err("forged"));
    }
    assert_eq!(known, ["greet-1.1", "greet-1.2", "greet-1.3"]);
    assert_eq!(receiver.posts().len(), 3);
    // Who knows the address may often speak there.
    let address = receiver.url.as_bytes();
    let files = fs::read_dir(&state)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let journal: Vec<_> = files
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("journal")
        })
        .collect();
    assert!(!journal.is_empty());
    for file in journal {
        let bytes = fs::read(&file).unwrap();
        let found = bytes.windows(address.len()).any(|part| part == address);
        assert!(!found, "{}", file.display());
    }
}

/// A question that somebody looks at is told to nobody else, by no later host either; one that nobody looks
/// at is told, although a cockpit is open.
#[tokio::test]
async fn what_is_looked_at_is_told_to_nobody() {
    let receiver = Receiver::answering(&[Some(200)]).await;
    let (_world, settings) = world(&webhook(&receiver.url));
    let supervisor = Supervisor::start(settings.clone()).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.say(Command::Here).await;
    operator.start("greet").await;
    let open = operator.asked("prompt").await;
    let checkpoint = open.id.clone();
    operator.say(Command::Looks { checkpoint }).await;
    let digest = open.digest.clone();
    let checkpoint = open.id.clone();
    // What was said before has been heard when this is answered.
    operator.say(Command::Seen { checkpoint, digest }).await;
    operator.say(Command::Tick).await;
    let ticked = |fact: &Fact| matches!(fact, Fact::Ticked(_)).then_some(());
    operator.until("an answer", ticked).await;
    supervisor.end();
    let again = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&again).await;
    operator.say(Command::Here).await;
    operator.answer(&open, Decision::APPROVE).await;
    operator.asked("work").await;
    let posts = receiver.has(1).await;
    assert_eq!(posts[0].header("checkride-id"), "greet-1.2");
}

/// S24: a receiver that never answers, or is not there, delays no loop; one that never answers may
/// have taken the notice and is not told again.
#[tokio::test]
async fn slow_and_dead_receivers_delay_nothing() {
    let slow = Receiver::answering(&[None]).await;
    // A port that somebody has, and at which nobody listens.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let dead = format!("http://{}/", closed.local_addr().unwrap());
    for url in [&slow.url, &dead] {
        let (_world, settings) = world(&webhook(url));
        let supervisor = Supervisor::start(settings).unwrap();
        let mut operator = Operator::at(&supervisor).await;
        let flight = async {
            operator.start("greet").await;
            operator.approve("prompt").await;
            operator.approve("work").await;
            operator.approve("verdict").await;
            operator.ended().await
        };
        // Each of three notices is given up after 10 s: whoever waits for them takes 30.
        let ended = timeout(Duration::from_secs(25), flight).await;
        assert!(ended.is_ok(), "{url} delayed the loop");
    }
    let mut ids: Vec<String> = slow
        .has(3)
        .await
        .iter()
        .map(|p| p.header("checkride-id").into())
        .collect();
    ids.sort();
    assert_eq!(ids, ["greet-1.1", "greet-1.2", "greet-1.3"]);
}

/// What was surely not taken is sent again, under the same id; what was refused for good is not.
#[tokio::test]
async fn only_what_was_not_taken_is_sent_again() {
    let receiver = Receiver::answering(&[Some(503), Some(200), Some(400)]).await;
    let (_world, settings) = world(&webhook(&receiver.url));
    let supervisor = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("greet").await;
    let open = operator.asked("prompt").await;
    let posts = receiver.has(2).await;
    assert_eq!(
        posts[0].header("checkride-id"),
        posts[1].header("checkride-id")
    );
    operator.answer(&open, Decision::APPROVE).await;
    let why = operator.refused().await;
    assert_eq!(why, "the webhook was not told: it answered 400 Bad Request");
    assert_eq!(receiver.posts().len(), 3);
}

/// The user's command gets the text as its last argument; quiet hours hold it back.
#[tokio::test]
async fn the_users_command_is_told_outside_quiet_hours() {
    let (world, settings) = world("");
    let told = world.project().join("../told");
    let tell = |command: &str, settings: &Settings| {
        let text = format!("[notify]\ncommand = [\"sh\", \"-c\", '{command}']\n");
        fs::write(settings.config.join("config.toml"), text).unwrap();
    };
    tell(&format!("echo \"$0\" >> {}", told.display()), &settings);
    let quiet = format!("quiet_hours = \"{}\"\n", quiet_now());
    world.write("checkride.toml", &quiet);
    let supervisor = Supervisor::start(settings.clone()).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("greet").await;
    operator.asked("prompt").await;
    supervisor.end();
    assert!(!told.exists());
    fs::remove_file(world.project().join("checkride.toml")).unwrap();
    let supervisor = Supervisor::start(settings).unwrap();
    let line = read_when_there(&told).await;
    supervisor.end();
    assert_eq!(line, "greet-1 waits: prompt\n");
}

/// The quiet hours of a loop hold back what is told of it alone.
#[tokio::test]
async fn a_loops_quiet_hours_are_its_own() {
    let (world, settings) = world("");
    let told = world.project().join("../told");
    let text = format!(
        "[notify]\ncommand = [\"sh\", \"-c\", 'echo \"$0\" >> {}']\n",
        told.display()
    );
    fs::write(settings.config.join("config.toml"), text).unwrap();
    let file = world.read("loops/greet.toml");
    let quiet = format!("{file}[guardrails]\nquiet_hours = \"{}\"\n", quiet_now());
    world.write("loops/greet.toml", &quiet);
    world.skill("loud");
    let loud = file
        .replace("\"greet\"", "\"loud\"")
        .replace("skills/greet", "skills/loud");
    world.write("loops/loud.toml", &loud);
    world.write("checkride.toml", "max_running = 2\n");
    world.commit("a quiet loop and a loud one");
    let supervisor = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("greet").await;
    operator.asked("prompt").await;
    operator.start("loud").await;
    operator.asked("prompt").await;
    let line = read_when_there(&told).await;
    supervisor.end();
    assert_eq!(line, "loud-1 waits: prompt\n");
    assert_eq!(fs::read_to_string(&told).unwrap(), line);
}

async fn read_when_there(path: &Path) -> String {
    for _ in 0..12_000 {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text,
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("{} is never written", path.display());
}

//! The way out for those who may reach some hosts: a proxy in the host that knows CONNECT alone. It
//! resolves names itself, and neither this machine nor its own network can be reached through it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::upstream::Upstream;

/// Longest request with its headers, in bytes.
const LONGEST_REQUEST: usize = 8 * 1024;

/// How long a request may take to come, and a server to be reached.
const PATIENCE: Duration = Duration::from_secs(15);

/// A pause where nobody can be let in: descriptors are given back by those who leave.
pub(super) const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Most connections at once.
const MOST_CONNECTIONS: usize = 64;

/// Whom a proxy passes on, and by which way.
#[derive(Debug, Clone, Default)]
pub struct Exits {
    /// Hosts that may be reached; `*.` stands for any name below.
    pub hosts: BTreeSet<String>,
    /// Hosts that an agent calls beside its work: refused, and no work suffers.
    pub aside: BTreeSet<String>,
    /// The operator's own proxy, through which it goes on.
    pub upstream: Option<Upstream>,
}

/// What was turned away, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turned {
    /// The loop's list does not allow it, or the host is not there.
    Away(String),
    /// The same of what the agent calls by itself and works without.
    Needless(String),
}

/// What a proxy passes on.
#[derive(Debug, Clone)]
struct Rules {
    exits: Exits,
    ports: Vec<u16>,
    /// Whether an address may be reached.
    open: fn(IpAddr) -> bool,
}

/// A proxy that is being served. Dropping it ends it and every connection through it.
#[derive(Debug)]
pub struct Proxy {
    task: JoinHandle<()>,
    socket: PathBuf,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        drop(fs::remove_file(&self.socket));
    }
}

/// Where a proxy's socket can be reached, however long its path is: the system's limit is short.
pub(super) struct Door {
    _folder: File,
    pub(super) path: PathBuf,
}

impl Door {
    pub(super) fn to(socket: &Path) -> io::Result<Self> {
        let folder = socket.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let name = socket.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = File::open(folder)?;
        let path = Path::new("/proc/self/fd")
            .join(folder.as_raw_fd().to_string())
            .join(name);
        Ok(Self {
            _folder: folder,
            path,
        })
    }
}

impl Proxy {
    /// Serves these exits at this socket, whose folder is the host's own; `told` is told each
    /// request that is turned away. Wants a local task set.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn serve(socket: &Path, exits: Exits, told: impl Fn(Turned) + 'static) -> io::Result<Self> {
        match fs::remove_file(socket) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(Door::to(socket)?.path)?;
        let rules = Rules {
            exits,
            ports: vec![443, 80],
            open: is_public,
        };
        let task = tokio::task::spawn_local(accept(listener, Rc::new(rules), Rc::new(told)));
        Ok(Self {
            task,
            socket: socket.to_owned(),
        })
    }
}

async fn accept(listener: UnixListener, rules: Rc<Rules>, told: Rc<dyn Fn(Turned)>) {
    let room = std::sync::Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut open = tokio::task::JoinSet::new();
    loop {
        let Ok(place) = room.clone().acquire_owned().await else {
            return;
        };
        // What goes wrong with one caller is no affair of the next one.
        let Ok((caller, _)) = listener.accept().await else {
            tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            continue;
        };
        while open.try_join_next().is_some() {}
        let (rules, told) = (rules.clone(), told.clone());
        open.spawn_local(async move {
            if let Err(turned) = pass(caller, &rules).await {
                told(turned);
            }
            drop(place);
        });
    }
}

/// Passes one caller on to where it wants to go. The error is for the operator.
async fn pass(mut caller: UnixStream, rules: &Rules) -> Result<(), Turned> {
    let Ok(Ok(request)) = timeout(PATIENCE, request(&mut caller)).await else {
        return Ok(());
    };
    match reach(&request, rules).await {
        Ok(mut server) => {
            let told = caller.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
            if told.await.is_ok() {
                // Either end may break off: then both are over.
                let _over = copy_bidirectional(&mut caller, &mut server).await;
            }
            Ok(())
        }
        Err(refusal) => {
            let (status, why, turned): (_, _, fn(String) -> Turned) = match refusal {
                Refusal::Rule(why) => ("403 Forbidden", why, Turned::Away),
                Refusal::Needless(why) => ("403 Forbidden", why, Turned::Needless),
                // No rule stands in the way: whoever asked may ask again.
                Refusal::Away(why) => ("502 Bad Gateway", why, Turned::Away),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\nconnection: close\r\n\
                 content-length: {}\r\n\r\ncheckride: {why}\n",
                why.len() + 12
            );
            // One that has gone does not want to know.
            let _told = caller.write_all(answer.as_bytes()).await;
            Err(turned(why))
        }
    }
}

/// The head of a request, up to its empty line.
async fn request(caller: &mut UnixStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_REQUEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(caller.read_u8().await?);
    }
    String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Why a caller gets no way out, in one line.
enum Refusal {
    /// A rule forbids it.
    Rule(String),
    /// A rule forbids it, and nothing suffers by that.
    Needless(String),
    /// The host is not there now.
    Away(String),
}

async fn reach(request: &str, rules: &Rules) -> Result<TcpStream, Refusal> {
    let (host, port) = wanted(request).map_err(Refusal::Rule)?;
    let listed = |list: &BTreeSet<String>| list.iter().any(|allowed| names(allowed, &host));
    if !listed(&rules.exits.hosts) {
        let why = format!("{host} is not in the loop's list of hosts");
        return Err(if listed(&rules.exits.aside) {
            Refusal::Needless(why)
        } else {
            Refusal::Rule(why)
        });
    }
    if !rules.ports.contains(&port) {
        let why = format!("port {port} of {host} is not one of the web");
        return Err(Refusal::Rule(why));
    }
    let upstream = rules.exits.upstream.as_ref();
    let upstream = upstream.filter(|upstream| upstream.serves(&host, port));
    let found = timeout(PATIENCE, tokio::net::lookup_host((host.as_str(), port))).await;
    let Ok(Ok(found)) = found else {
        // Behind a proxy names of the open network may be known to it alone.
        if let Some(upstream) = upstream {
            return through(upstream, &host, port).await;
        }
        let why = format!("{host} has no address that can be found");
        return Err(Refusal::Away(why));
    };
    let public: Vec<SocketAddr> = found.filter(|at| (rules.open)(at.ip())).collect();
    if public.is_empty() {
        let why = format!("{host} has only addresses of this network or machine");
        return Err(Refusal::Rule(why));
    }
    if let Some(upstream) = upstream {
        return through(upstream, &host, port).await;
    }
    match timeout(PATIENCE, TcpStream::connect(public.as_slice())).await {
        Ok(Ok(server)) => Ok(server),
        Ok(Err(_)) | Err(_) => Err(Refusal::Away(format!("{host} does not answer"))),
    }
}

async fn through(upstream: &Upstream, host: &str, port: u16) -> Result<TcpStream, Refusal> {
    match timeout(PATIENCE, upstream.connect(host, port)).await {
        Ok(Ok(server)) => Ok(server),
        Ok(Err(why)) => Err(Refusal::Away(why)),
        Err(_) => Err(Refusal::Away(format!("{host} does not answer"))),
    }
}

/// Host and port of a `CONNECT`.
fn wanted(request: &str) -> Result<(String, u16), String> {
    let line = request.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next());
    if method != "CONNECT" {
        return Err("only CONNECT is passed on: plain HTTP is not".to_owned());
    }
    let parts = target.and_then(|target| target.rsplit_once(':'));
    let named = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match named {
        Some((host, port)) if is_name(host) => Ok((host.to_ascii_lowercase(), port)),
        Some(_) | None => Err("a host is asked for by its name, and nothing else".to_owned()),
    }
}

/// A name of letters, digits, dots and dashes; an address is none.
fn is_name(host: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    !host.is_empty() && host.bytes().all(plain) && host.parse::<IpAddr>().is_err()
}

/// Whether an entry of the list names this host; `*.` stands for any name below.
fn names(allowed: &str, host: &str) -> bool {
    let allowed = allowed.to_ascii_lowercase();
    match allowed.strip_prefix("*.") {
        Some(end) => host
            .strip_suffix(end)
            .is_some_and(|name| name.len() > 1 && name.ends_with('.')),
        None => allowed == host,
    }
}

/// Whether an address lies in the open network, and neither here nor near.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(v6),
        },
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special =
        a == 0 || (a, b, c) == (192, 0, 0) || a == 198 && (18..20).contains(&b) || a >= 240;
    !(v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_broadcast()
        || v4.is_documentation()
        || shared
        || special)
}

/// Only what is given out as global, `2000::/3`, without documentation and the two ways to carry a
/// version 4 address inside.
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, ..] = v6.segments();
    let carries = a == 0x2002 || (a, b) == (0x2001, 0);
    let documentation = (a, b) == (0x2001, 0xdb8);
    a & 0xe000 == 0x2000 && !carries && !documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only a CONNECT to a name is understood.
    #[test]
    fn a_request_names_a_host() {
        let ask = |line: &str| wanted(&format!("{line}\r\nHost: x\r\n\r\n")).ok();
        assert_eq!(
            ask("CONNECT Api.X.com:443 HTTP/1.1"),
            Some(("api.x.com".into(), 443))
        );
        for bad in [
            "GET http://api.x.com/ HTTP/1.1",
            "CONNECT 10.0.0.1:443 HTTP/1.1",
            "CONNECT [::1]:443 HTTP/1.1",
            "CONNECT api.x.com HTTP/1.1",
            "CONNECT a b:443 HTTP/1.1",
            "CONNECT user@api.x.com:443 HTTP/1.1",
            "",
        ] {
            assert_eq!(ask(bad), None, "{bad}");
        }
    }

    /// What is listed is passed on byte by byte, both ways; the rules are all that is turned.
    #[tokio::test]
    async fn a_listed_host_is_reached() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let rules = Rules {
            exits: Exits {
                hosts: ["localhost".to_owned()].into(),
                ..Exits::default()
            },
            ports: vec![port],
            open: |_| true,
        };
        let (mut here, there) = UnixStream::pair().unwrap();
        let asked = format!("CONNECT localhost:{port} HTTP/1.1\r\n\r\nping");
        here.write_all(asked.as_bytes()).await.unwrap();
        let answered = async {
            let (mut caller, _) = server.accept().await.unwrap();
            let mut heard = [0; 4];
            caller.read_exact(&mut heard).await.unwrap();
            caller.write_all(b"pong").await.unwrap();
            heard
        };
        let (passed, heard, said) = tokio::join!(pass(there, &rules), answered, async {
            let mut said = vec![0; 39 + 4];
            here.read_exact(&mut said).await.unwrap();
            drop(here);
            String::from_utf8(said).unwrap()
        });
        assert_eq!((passed, &heard), (Ok(()), b"ping"));
        assert!(
            said.starts_with("HTTP/1.1 200 ") && said.ends_with("pong"),
            "{said}"
        );
        let near = Rules {
            open: is_public,
            ..rules
        };
        let asked = format!("CONNECT localhost:{port} HTTP/1.1");
        let Err(Refusal::Rule(why)) = reach(&asked, &near).await else {
            panic!("it was let out");
        };
        assert!(why.contains("only addresses of this network"), "{why}");
    }

    /// Where the operator has a proxy, a host is reached through it, found by it where it must be; what
    /// lies near is not, and what an agent reports home is turned away by name.
    #[tokio::test]
    async fn the_operators_proxy_is_the_way() {
        let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let named = format!("http://{}", proxy.local_addr().unwrap());
        let upstream = Upstream::of(&[("HTTPS_PROXY".into(), named.into())]);
        let rules = Rules {
            exits: Exits {
                hosts: ["api.invalid".to_owned(), "localhost".to_owned()].into(),
                aside: ["stats.invalid".to_owned()].into(),
                upstream: upstream.unwrap(),
            },
            ports: vec![443],
            open: is_public,
        };
        let answers = async {
            let (mut caller, _) = proxy.accept().await.unwrap();
            let mut heard = vec![0; 300];
            let read = caller.read(&mut heard).await.unwrap();
            let told = caller.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            told.unwrap();
            String::from_utf8_lossy(&heard[..read]).into_owned()
        };
        let asked = "CONNECT api.invalid:443 HTTP/1.1";
        let (met, heard) = tokio::join!(reach(asked, &rules), answers);
        assert!(met.is_ok());
        assert!(heard.starts_with("CONNECT api.invalid:443 "), "{heard}");
        let near = reach("CONNECT localhost:443 HTTP/1.1", &rules).await;
        assert!(matches!(near, Err(Refusal::Rule(_))));
        let home = reach("CONNECT stats.invalid:443 HTTP/1.1", &rules).await;
        assert!(matches!(home, Err(Refusal::Needless(_))));
    }

    /// A pattern stands for names below it, not for itself, and not for what ends alike.
    #[test]
    fn a_pattern_names_what_is_below() {
        assert!(names("*.wikipedia.org", "de.wikipedia.org"));
        for other in [
            "wikipedia.org",
            "evilwikipedia.org",
            "wikipedia.org.evil.net",
            ".wikipedia.org",
        ] {
            assert!(!names("*.wikipedia.org", other), "{other}");
        }
        assert!(names("arXiv.org", "arxiv.org"));
    }

    /// Addresses of this machine and of its own network are none that can be reached.
    #[test]
    fn near_addresses_are_not_public() {
        for near in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "ff02::1",
        ] {
            assert!(!is_public(near.parse().unwrap()), "{near}");
        }
        for far in ["1.1.1.1", "151.101.1.1", "2606:4700::1111"] {
            assert!(is_public(far.parse().unwrap()), "{far}");
        }
    }
}

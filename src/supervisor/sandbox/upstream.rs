//! The operator's own proxy, where the environment names one: the way out goes on through it. What it
//! is given to prove who asks stands in no text that is shown or kept.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Variables that name a proxy, the first that is set counts.
pub const NAMES: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];

/// Variables that name hosts which no proxy is asked for.
const DIRECT: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Longest answer to a `CONNECT`, in bytes.
const LONGEST_ANSWER: usize = 8 * 1024;

/// A proxy that knows `CONNECT`, reached without TLS.
#[derive(Clone)]
pub struct Upstream {
    /// The variable that names it.
    variable: &'static str,
    host: String,
    port: u16,
    /// `Basic …`, where its address holds a user.
    proof: Option<String>,
    /// Hosts that are reached without it.
    direct: Vec<Direct>,
}

/// Who is reached without a proxy, as `NO_PROXY` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Direct {
    /// `*`.
    Every,
    /// A name and all below it, at one port or at all: `corp:8443`.
    Name(String, Option<u16>),
    /// Addresses that begin with so many bits of this one: `10.0.0.0/8`.
    Net(IpAddr, u32),
}

impl Direct {
    fn read(text: &str) -> Self {
        if text == "*" {
            return Self::Every;
        }
        let whole = |ip: IpAddr| if ip.is_ipv4() { 32 } else { 128 };
        let (ip, bits) = text.split_once('/').unwrap_or((text, ""));
        let ip = ip.trim_start_matches('[').trim_end_matches(']').parse();
        if let Ok(ip) = ip {
            let bits = bits.parse().unwrap_or(whole(ip)).min(whole(ip));
            return Self::Net(ip, bits);
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => (name, port.parse().ok()),
            Some(_) | None => (text, None),
        };
        let name = name.trim_start_matches("*.").trim_start_matches('.');
        Self::Name(name.to_ascii_lowercase(), port)
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        match self {
            Self::Every => true,
            Self::Name(name, of) => {
                of.is_none_or(|of| of == port)
                    && host
                        .strip_suffix(name.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Self::Net(net, bits) => {
                let host = host.trim_start_matches('[').trim_end_matches(']').parse();
                host.is_ok_and(|host| is_within(host, *net, *bits))
            }
        }
    }
}

fn is_within(host: IpAddr, net: IpAddr, bits: u32) -> bool {
    let (host, net, all) = match (host, net) {
        (IpAddr::V4(host), IpAddr::V4(net)) => {
            (u128::from(host.to_bits()), u128::from(net.to_bits()), 32)
        }
        (IpAddr::V6(host), IpAddr::V6(net)) => (host.to_bits(), net.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    // Of no bits at all there is nothing to compare.
    (host ^ net).checked_shr(all - bits).unwrap_or(0) == 0
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("variable", &self.variable)
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// The proxy that this environment names; `None` where it names none.
    ///
    /// # Errors
    /// It names one that cannot be used; one line that repeats nothing of its value.
    pub fn of(env: &[(OsString, OsString)]) -> Result<Option<Self>, String> {
        let set = |name: &str| {
            let value = env.iter().find(|(key, _)| key == name)?.1.to_str()?.trim();
            (!value.is_empty()).then_some(value)
        };
        let Some((variable, value)) = NAMES.iter().find_map(|name| Some((*name, set(name)?)))
        else {
            return Ok(None);
        };
        let direct = DIRECT.iter().find_map(|name| set(name)).unwrap_or_default();
        let Some((proof, host, port)) = address(value) else {
            return Err(format!(
                "{variable} names no proxy that can be used: write http://HOST:PORT, or unset it"
            ));
        };
        Ok(Some(Self {
            variable,
            host,
            port,
            proof,
            direct: direct
                .split([',', ' '])
                .filter(|name| !name.is_empty())
                .map(Direct::read)
                .collect(),
        }))
    }

    /// Whether this host and port are reached through it.
    pub(super) fn serves(&self, host: &str, port: u16) -> bool {
        !self.direct.iter().any(|direct| direct.covers(host, port))
    }

    /// A connection to this host and port through it. The error is one line.
    pub(super) async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, String> {
        let away = |_: io::Error| format!("the proxy of {} does not answer", self.variable);
        let mut server = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(away)?;
        let proof = self.proof.as_ref();
        let proof = proof.map_or(String::new(), |proof| {
            format!("Proxy-Authorization: {proof}\r\n")
        });
        let ask = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{proof}\r\n");
        server.write_all(ask.as_bytes()).await.map_err(away)?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == LONGEST_ANSWER {
                return Err(format!("the proxy of {} answers nonsense", self.variable));
            }
            head.push(server.read_u8().await.map_err(away)?);
        }
        let head = String::from_utf8_lossy(&head);
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        match status {
            Some(200..=299) => Ok(server),
            Some(code @ 100..=999) => {
                let variable = self.variable;
                Err(format!("the proxy of {variable} refuses {host} ({code})"))
            }
            Some(_) | None => Err(format!("the proxy of {} answers nonsense", self.variable)),
        }
    }
}

/// `http://user:password@host:port`: the proof, the host, the port.
fn address(value: &str) -> Option<(Option<String>, String, u16)> {
    let rest = match value.split_once("://") {
        Some((scheme, rest)) => scheme.eq_ignore_ascii_case("http").then_some(rest)?,
        None => value,
    };
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, rest),
    };
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        Some(_) | None => (place, 80),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let proof = match user {
        Some(user) => Some(format!("Basic {}", base64(&unescaped(user)?))),
        None => None,
    };
    let plain = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control());
    plain.then(|| (proof, host.to_owned(), port))
}

/// The bytes that `%41` and the like stand for; `None` where one stands for nothing.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut all = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            all.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        all.push(u8::from_str_radix(digits, 16).ok()?);
    }
    Some(all)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |n: usize| u32::from(group.get(n).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            let letter = usize::try_from(index).ok().and_then(|i| LETTERS.get(i));
            let there = place <= group.len();
            text.push(
                letter
                    .filter(|_| there)
                    .map_or('=', |byte| char::from(*byte)),
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)]) -> Result<Option<Upstream>, String> {
        let env: Vec<(OsString, OsString)> = vars
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        Upstream::of(&env)
    }

    /// An address with user and password is understood as curl does, and told by its variable alone.
    #[test]
    fn an_address_is_understood_and_not_repeated() {
        let proxy = of(&[("HTTPS_PROXY", "http://me:p%40ss@proxy.corp:3128/")]);
        let proxy = proxy.unwrap().unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.corp", 3128));
        assert_eq!(proxy.proof.as_deref(), Some("Basic bWU6cEBzcw=="));
        let told = format!("{proxy:?}");
        assert!(
            told.contains("HTTPS_PROXY") && !told.contains("proxy.corp"),
            "{told}"
        );
        let six = of(&[("https_proxy", "[::1]:8080")]).unwrap().unwrap();
        assert_eq!((six.host.as_str(), six.port), ("::1", 8080));
        assert!(of(&[("HTTPS_PROXY", " ")]).unwrap().is_none());
        for bad in [
            "socks5://proxy:1080",
            "https://proxy:443",
            "http://me:s3cret@proxy:port",
            "http://%zz@proxy:1",
            "http://",
        ] {
            let why = of(&[("HTTPS_PROXY", bad)]).unwrap_err();
            assert!(why.starts_with("HTTPS_PROXY names no proxy"), "{why}");
            assert!(!why.contains("s3cret"), "{why}");
        }
    }

    /// What `NO_PROXY` names is reached without it.
    #[test]
    fn some_hosts_are_reached_directly() {
        let some = [
            ("HTTPS_PROXY", "http://proxy:1"),
            (
                "NO_PROXY",
                "localhost, .corp,*.Example.com in.house:8443,10.0.0.0/8 192.168.7.1,fd00::/8",
            ),
        ];
        let proxy = of(&some).unwrap().unwrap();
        for direct in ["localhost", "a.corp", "corp", "b.example.com"] {
            assert!(!proxy.serves(direct, 443), "{direct}");
        }
        for other in ["notcorp", "api.openai.com", "example.com.evil"] {
            assert!(proxy.serves(other, 443), "{other}");
        }
        assert!(!proxy.serves("git.in.house", 8443) && proxy.serves("git.in.house", 443));
        for direct in ["10.200.3.4", "192.168.7.1", "fd00::1", "[fd12::1]"] {
            assert!(!proxy.serves(direct, 443), "{direct}");
        }
        for other in ["11.0.0.1", "192.168.7.2", "fe80::1", "10.example.net"] {
            assert!(proxy.serves(other, 443), "{other}");
        }
        let all = [("HTTPS_PROXY", "http://proxy:1"), ("no_proxy", "*")];
        assert!(!of(&all).unwrap().unwrap().serves("api.openai.com", 443));
    }

    /// The request names the host and carries the proof; a refusal is told by its number alone.
    #[tokio::test]
    async fn a_host_is_asked_for_by_its_name() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = server.local_addr().unwrap();
        let proxy = of(&[("HTTPS_PROXY", &format!("http://me:pw@{at}"))]);
        let proxy = proxy.unwrap().unwrap();
        for (answer, wanted) in [
            ("HTTP/1.1 200 OK\r\n\r\n", None),
            (
                "HTTP/1.1 407 me:pw\r\n\r\n",
                Some("the proxy of HTTPS_PROXY refuses api.x.com (407)"),
            ),
            (
                "what\r\n\r\n",
                Some("the proxy of HTTPS_PROXY answers nonsense"),
            ),
            ("", Some("the proxy of HTTPS_PROXY does not answer")),
        ] {
            let answers = async {
                let (mut caller, _) = server.accept().await.unwrap();
                let mut heard = vec![0; 512];
                let read = caller.read(&mut heard).await.unwrap();
                caller.write_all(answer.as_bytes()).await.unwrap();
                String::from_utf8_lossy(&heard[..read]).into_owned()
            };
            let (met, heard) = tokio::join!(proxy.connect("api.x.com", 443), answers);
            assert!(
                heard.starts_with("CONNECT api.x.com:443 HTTP/1.1\r\n"),
                "{heard}"
            );
            assert!(
                heard.contains("Proxy-Authorization: Basic bWU6cHc=\r\n"),
                "{heard}"
            );
            assert_eq!(met.err().as_deref(), wanted);
        }
    }
}

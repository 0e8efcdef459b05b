//! The bridge: from the loopback of a sandbox to the host's proxy, so that programs that know a
//! proxy by address and port find it.

use std::io;
use std::path::Path;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};

use super::proxy::{Door, OUT_OF_DESCRIPTORS};

/// A bridge that nobody crosses yet.
pub(super) struct Bridge {
    listener: TcpListener,
    door: Door,
}

impl Bridge {
    /// Opens it to the proxy at this socket.
    pub(super) async fn to(socket: &Path) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(("127.0.0.1", 0)).await?,
            door: Door::to(socket)?,
        })
    }

    /// The variables that lead programs to it.
    pub(super) fn variables(&self) -> io::Result<Vec<(&'static str, String)>> {
        let here = format!("http://{}", self.listener.local_addr()?);
        let mut all: Vec<_> = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]
            .map(|name| (name, here.clone()))
            .into();
        for name in ["NO_PROXY", "no_proxy"] {
            all.push((name, "localhost,127.0.0.1,::1".to_owned()));
        }
        // Newer versions of node heed the others only when they are told to.
        all.push(("NODE_USE_ENV_PROXY", "1".to_owned()));
        Ok(all)
    }

    /// Carries whoever comes, until it is dropped.
    pub(super) async fn carry(&self) {
        let mut open = tokio::task::JoinSet::new();
        loop {
            let Ok((mut caller, _)) = self.listener.accept().await else {
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                continue;
            };
            while open.try_join_next().is_some() {}
            let door = self.door.path.clone();
            open.spawn(async move {
                if let Ok(mut proxy) = UnixStream::connect(door).await {
                    // Either end may break off: then both are over.
                    let _over = copy_bidirectional(&mut caller, &mut proxy).await;
                }
            });
        }
    }
}

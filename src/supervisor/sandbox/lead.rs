//! The leader inside: builds the sandbox around itself, starts the program, buries what dies, and
//! tells the keeper how the program ended. It ends with the program, and its namespaces with it.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::pin;

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Pid, Signal, WaitOptions};
use tokio::signal::unix::{SignalKind, signal};

use super::bridge::Bridge;
use super::enter::tell;
use super::{Cage, Net, Word, caps, loopback, view, walls};
use crate::config::stores;
use crate::supervisor::process::start::{command, spawned};
use crate::supervisor::process::why::explain;
use crate::supervisor::process::wire::{self, Orders, Received};
use crate::supervisor::process::{Exit, ending};

/// Goes inside and stays until the program is over. The error is one line.
pub(super) fn lead(socket: &mut UnixStream, apart: bool) -> Result<(), String> {
    if apart {
        // The order may come much later: whoever waits outside must not be outlived meanwhile.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|e| format!("binding it to its keeper: {e}"))?;
    }
    let (orders, streams) = hear(socket).map_err(|e| format!("hearing the order: {e}"))?;
    let Some(mut cage) = orders.cage.clone() else {
        return Err("there is no word of what to confine".to_owned());
    };
    show_stores(&mut cage);
    if let Net::Through(proxy) = &cage.net {
        cage.read.push(proxy.clone());
    }
    let abi = confine(&cage, apart)?;
    let told = |e: io::Error| format!("telling the keeper: {e}");
    if orders.argv.is_empty() {
        return tell(socket, &Word::Started(abi)).map_err(told);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("waiting for signals: {e}"))?;
    let exit = runtime.block_on(async {
        let mut deaths = signal(SignalKind::child())?;
        socket.set_nonblocking(true)?;
        // The program is asked to end, and this process waits for it.
        let _heard = signal(SignalKind::terminate())?;
        let bridge = match &cage.net {
            Net::Through(proxy) => Some(Bridge::to(Path::new(proxy)).await?),
            Net::Open | Net::None => None,
        };
        let carried = bridge.as_ref().map_or(Ok(Vec::new()), Bridge::variables)?;
        let child = match start(&orders, streams, carried) {
            Ok(child) => child,
            Err(e) => {
                let why = explain(&e, &orders);
                return tell(socket, &Word::Failed(why)).map(|()| None);
            }
        };
        tell(socket, &Word::Started(abi))?;
        let keeper = tokio::net::UnixStream::from_std(socket.try_clone()?)?;
        let mut carrying = pin!(async {
            match &bridge {
                Some(bridge) => bridge.carry().await,
                None => std::future::pending().await,
            }
        });
        loop {
            if let Some(exit) = bury(child) {
                return Ok(Some(exit));
            }
            tokio::select! {
                _ = deaths.recv() => {}
                // It says no more: its end is all that can come.
                _ = keeper.readable() => return Ok(None),
                () = &mut carrying => {}
            }
        }
    });
    match exit.map_err(told)? {
        Some(exit) => tell(socket, &Word::Ended(exit)).map_err(told),
        None => Ok(()),
    }
}

/// Order and streams, as the keeper sends them, which is told that they have come.
fn hear(socket: &mut UnixStream) -> io::Result<(Orders, [OwnedFd; 3])> {
    let Received::Streams(streams) = wire::receive(&*socket)? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
    socket.read_exact(&mut bytes)?;
    let orders = serde_json::from_slice(&bytes)?;
    tell(socket, &Word::Heard)?;
    Ok((orders, streams))
}

/// What the stores of git objects borrow from is shown, too.
fn show_stores(cage: &mut Cage) {
    let borrowed = |store: &OsString| stores::borrowed(Path::new(store)).stores;
    let stores: Vec<_> = cage.stores.iter().flat_map(borrowed).collect();
    cage.read.extend(stores.into_iter().map(OsString::from));
}

/// Puts this process inside; there is no way back.
fn confine(cage: &Cage, apart: bool) -> Result<i32, String> {
    let mut own = None;
    if apart {
        rustix::process::setsid().map_err(|e| format!("leaving the session: {e}"))?;
        match cage.net {
            Net::None | Net::Through(_) => {
                loopback::switch_on().map_err(|e| format!("switching loopback on: {e}"))?;
            }
            Net::Open => {}
        }
        own = Some(view::raise(cage)?);
    }
    caps::give_up().map_err(|e| format!("giving up rights: {e}"))?;
    // Whoever is inside must not take its socket or its memory over: it tells how the program ended.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|e| format!("closing it to what it leads: {e}"))?;
    if cage.walls {
        walls::put_up(cage, own)
    } else {
        Ok(0)
    }
}

fn start(
    orders: &Orders,
    streams: [OwnedFd; 3],
    more: Vec<(&'static str, String)>,
) -> io::Result<Pid> {
    let child = spawned(command(orders, streams)?.envs(more))?;
    Ok(Pid::from_child(&child))
}

/// Reaps whatever has died; how the program ended, once it has.
fn bury(program: Pid) -> Option<Exit> {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == program => return Some(ending(status)),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return None,
            Err(_) => return Some(Exit::KeeperLost),
        }
    }
}

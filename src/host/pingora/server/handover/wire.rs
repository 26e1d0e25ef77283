//! What the two servers say to each other.
//!
//! The old one says its version of this protocol, then a byte with a descriptor for each listener,
//! then that there is no more. The new one says, much later, that it serves them. Which listener
//! is which, the socket itself knows.

use std::{
    io::{self, IoSlice, IoSliceMut, Write},
    mem::MaybeUninit,
    net::TcpListener,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream as StdStream,
    },
};

use rustix::{
    cmsg_space,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, recvmsg, sendmsg,
    },
};
use tokio::{io::Interest, net::UnixStream};

const VERSION: u8 = 1;
const LISTENER: u8 = b'l';
const NO_MORE: u8 = b'.';
const SERVED: u8 = b's';

/// Hands listeners over.
pub(super) async fn give<'fd>(
    stream: &UnixStream,
    listeners: impl Iterator<Item = BorrowedFd<'fd>>,
) -> io::Result<()> {
    say(stream, VERSION, None).await?;
    for listener in listeners {
        say(stream, LISTENER, Some(listener)).await?;
    }
    say(stream, NO_MORE, None).await
}

/// Waits until they are served.
pub(super) async fn served(stream: &UnixStream) -> io::Result<()> {
    loop {
        stream.readable().await?;
        match stream.try_io(Interest::READABLE, || hear(stream)) {
            Ok((SERVED, _)) => return Ok(()),
            Ok(_) => return Err(not_understood()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Takes listeners over.
pub(super) fn listeners(stream: &StdStream) -> io::Result<Vec<TcpListener>> {
    let (version, _) = hear(stream)?;
    if version != VERSION {
        return Err(io::Error::other("the server there is of another version, which hands over otherwise"));
    }
    let mut listeners = Vec::new();
    loop {
        match hear(stream)? {
            (LISTENER, Some(descriptor)) => listeners.push(TcpListener::from(descriptor)),
            (NO_MORE, None) => return Ok(listeners),
            _ => return Err(not_understood()),
        }
    }
}

/// Says that they are served.
pub(super) fn say_served(mut stream: &StdStream) -> io::Result<()> {
    stream.write_all(&[SERVED])
}

async fn say(stream: &UnixStream, word: u8, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
    loop {
        stream.writable().await?;
        match stream.try_io(Interest::WRITABLE, || send(stream, word, descriptor)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return sent,
        }
    }
}

fn send(stream: impl AsFd, word: u8, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.as_slice();
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    sendmsg(stream, &[IoSlice::new(&[word])], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn hear(stream: impl AsFd) -> io::Result<(u8, Option<OwnedFd>)> {
    let mut word = 0;
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut words = [IoSliceMut::new(std::slice::from_mut(&mut word))];
    let heard = recvmsg(stream, &mut words, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if heard.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok((word, descriptor))
}

fn not_understood() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "what the server there says is not understood")
}

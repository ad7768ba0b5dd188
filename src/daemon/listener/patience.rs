//! A connection that is given up when whoever is at its other end does not take what it is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// How long a connection may keep an answer waiting, all its pauses together.
const PATIENCE: Duration = Duration::from_secs(5);
/// Reading this many bytes earns a second back: a slow line is served to the end, a dead one is not.
const BYTES_A_SECOND: u32 = 32 << 10;

/// A TCP connection that runs out of patience with a reader that stops, or is slower than
/// [`BYTES_A_SECOND`].
#[derive(Debug)]
pub(super) struct PatientBody {
    stream: TcpStream,
    left: Duration,
    /// Since when the other end has taken nothing, and when that has been too long.
    blocked: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl PatientBody {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, left: PATIENCE, blocked: None }
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                if let Some((since, _)) = self.blocked.take() {
                    self.left = self.left.saturating_sub(since.elapsed());
                }
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                let earned = Duration::from_secs(1).saturating_mul(bytes) / BYTES_A_SECOND;
                self.left = self.left.saturating_add(earned).min(PATIENCE);
                Poll::Ready(Ok(bytes as usize))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let left = self.left;
                let (_, end) = self.blocked.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
                end.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for PatientBody {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for PatientBody {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.wrote(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

//! `multipart/related` messages (RFC 2387), read and written as streams: no message is ever in memory as a whole.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use memchr::memmem;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use ulid::Ulid;

/// The longest headers of a part, in bytes.
const PART_HEADERS_BYTES_MAX: usize = 8 * 1024;

/// The longest boundary (RFC 2046 §5.1.1), in bytes.
const BOUNDARY_BYTES_MAX: usize = 70;

/// The boundary of a Content-Type; case matters in it.
pub(super) fn boundary_of(content_type: &str) -> Option<&str> {
    let parameter = |piece: &'_ str| piece.trim().get(..9).is_some_and(|name| name.eq_ignore_ascii_case("boundary="));
    let piece = content_type.split(';').find(|piece| parameter(piece))?;
    let boundary = piece.trim()[9..].trim().trim_matches('"');
    (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()).then_some(boundary)
}

/// The parts of a message that arrives.
pub(super) struct Parts<S> {
    stream: S,
    buffer: BytesMut,
    delimiter: Vec<u8>,
    place: Place,
}

/// Where in the message we are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a part's body, or in what comes before the first part.
    Body,
    /// After a delimiter.
    Delimiter,
    /// After the last delimiter.
    End,
}

/// The body of a part, as a stream of its bytes.
pub(super) struct PartBody<'a, S>(&'a mut Parts<S>);

impl<S: Stream<Item = io::Result<Bytes>> + Unpin> Parts<S> {
    pub(super) fn new(stream: S, boundary: &str) -> Self {
        // As if a line had ended before the message, so that the first delimiter looks like all others.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        Self { stream, buffer, delimiter: format!("\r\n--{boundary}").into_bytes(), place: Place::Body }
    }

    /// Goes to the next part, past what is left of this one, and gives its Content-Type; `None` after the last part.
    ///
    /// # Errors
    /// When the message ends too early, or is no multipart message.
    pub(super) async fn next_part(&mut self) -> io::Result<Option<String>> {
        while let Some(skipped) = self.body().next().await {
            skipped?;
        }
        if self.place == Place::End {
            return Ok(None);
        }
        self.fill(2).await?;
        if self.buffer.starts_with(b"--") {
            self.place = Place::End;
            return Ok(None);
        }
        let headers = self.read_headers().await?;
        self.place = Place::Body;
        Ok(Some(headers))
    }

    /// The body of this part.
    pub(super) fn body(&mut self) -> PartBody<'_, S> {
        PartBody(self)
    }

    /// Reads the rest of the delimiter's line and the headers up to the empty line; gives the Content-Type.
    async fn read_headers(&mut self) -> io::Result<String> {
        let end = loop {
            // No further than that, however much has arrived already.
            let within = &self.buffer[..self.buffer.len().min(PART_HEADERS_BYTES_MAX)];
            if let Some(end) = memmem::find(within, b"\r\n\r\n") {
                break end;
            }
            if within.len() == PART_HEADERS_BYTES_MAX {
                return Err(malformed("the headers of a part are too long, or do not end with an empty line"));
            }
            self.fill(self.buffer.len() + 1).await?;
        };
        let headers = self.buffer.split_to(end + 4);
        let text = std::str::from_utf8(&headers).map_err(|_| malformed("the headers of a part are not text"))?;
        let mut fields = text.lines().filter_map(|line| line.split_once(':'));
        let content_type = fields.find(|(name, _)| name.trim().eq_ignore_ascii_case("content-type"));
        Ok(content_type.map(|(_, value)| value.trim().to_owned()).unwrap_or_default())
    }

    /// Waits until the buffer holds so many bytes.
    async fn fill(&mut self, bytes: usize) -> io::Result<()> {
        while self.buffer.len() < bytes {
            match self.stream.next().await {
                Some(more) => self.buffer.extend_from_slice(&more?),
                None => return Err(ended_early()),
            }
        }
        Ok(())
    }

    /// The next bytes of the body; `None` at its end.
    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.place != Place::Body {
            return Poll::Ready(None);
        }
        loop {
            match memmem::find(&self.buffer, &self.delimiter) {
                Some(0) => {
                    self.buffer.advance(self.delimiter.len());
                    self.place = Place::Delimiter;
                    return Poll::Ready(None);
                }
                Some(end) => return Poll::Ready(Some(Ok(self.buffer.split_to(end).freeze()))),
                None => {}
            }
            // The last bytes may be the beginning of a delimiter.
            let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
            if sure > 0 {
                return Poll::Ready(Some(Ok(self.buffer.split_to(sure).freeze())));
            }
            match ready!(self.stream.poll_next_unpin(context)) {
                Some(Ok(more)) => self.buffer.extend_from_slice(&more),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(Some(Err(ended_early()))),
            }
        }
    }
}

impl<S: Stream<Item = io::Result<Bytes>> + Unpin> Stream for PartBody<'_, S> {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_body(context)
    }
}

fn ended_early() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the message ends before its last boundary")
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A part of a message that leaves: its Content-Type and the stream of its bytes.
pub(super) struct Part<S> {
    pub(super) content_type: String,
    pub(super) bytes: S,
}

/// An answer of several parts. An error in the stream breaks the connection off, so that no client takes what it got
/// for the whole.
pub(super) fn respond<P, S>(part_type: &str, parts: P) -> Response
where
    P: Stream<Item = io::Result<Part<S>>> + Send + 'static,
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let boundary = format!("lightbox-{}", Ulid::generate());
    let content_type = format!("multipart/related; type=\"{part_type}\"; boundary={boundary}");
    let last = Bytes::from(format!("\r\n--{boundary}--\r\n"));
    let parts = parts.enumerate().map(move |(place, part)| {
        let Part { content_type, bytes } = part?;
        let line_break = if place == 0 { "" } else { "\r\n" };
        let head = Bytes::from(format!("{line_break}--{boundary}\r\nContent-Type: {content_type}\r\n\r\n"));
        Ok::<_, io::Error>(stream::once(async { Ok(head) }).chain(bytes))
    });
    let message = parts.try_flatten().chain(stream::once(async { Ok(last) }));
    let message = message.inspect_err(|error| tracing::error!(%error, "broke off an answer of several parts"));
    let content_type = HeaderValue::from_str(&content_type).unwrap_or(HeaderValue::from_static("multipart/related"));
    ([(header::CONTENT_TYPE, content_type)], Body::from_stream(message)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};
    use proptest::sample::Index;

    /// The parts of a message that arrives in pieces of this size, as `Content-Type: body`.
    async fn read(message: &[u8], piece_bytes: usize) -> io::Result<Vec<String>> {
        let pieces: Vec<_> = message.chunks(piece_bytes).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let mut parts = Parts::new(stream::iter(pieces), "b");
        let mut found = Vec::new();
        while let Some(content_type) = parts.next_part().await? {
            let body: Vec<Bytes> = parts.body().try_collect().await?;
            found.push(format!("{content_type}: {}", String::from_utf8_lossy(&body.concat())));
        }
        Ok(found)
    }

    const MESSAGE: &[u8] = b"preamble\r\n--b\r\nContent-Type: application/dicom\r\n\r\none\r\n-\r\n--c\r\n\
        --b  \r\ncontent-type: text/plain\r\nX: y\r\n\r\ntwo\r\n--b\r\nContent-Type: x/y\r\n\r\n\r\n--b--\r\nepilogue";

    #[tokio::test]
    async fn parts_are_found_however_the_message_is_cut() {
        for piece_bytes in 1..MESSAGE.len() {
            let parts = read(MESSAGE, piece_bytes).await.unwrap();
            assert_eq!(parts, ["application/dicom: one\r\n-\r\n--c", "text/plain: two", "x/y: "], "{piece_bytes}");
        }
    }

    #[tokio::test]
    async fn a_message_may_begin_with_its_boundary_and_end_without_a_line_break() {
        assert_eq!(read(b"--b\r\nContent-Type: x/y\r\n\r\none\r\n--b--", 7).await.unwrap(), ["x/y: one"]);
        assert_eq!(read(b"--b--", 2).await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_message_that_ends_early_is_an_error() {
        for cut in [0, 10, 40, 60, 62] {
            assert!(read(&MESSAGE[..cut], 8).await.is_err(), "{cut}");
        }
        let endless = [b"--b\r\n".to_vec(), vec![b'x'; 2 * PART_HEADERS_BYTES_MAX]].concat();
        assert_eq!(read(&endless, 1_000).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn the_limit_of_headers_holds_however_they_arrive() {
        for (name_bytes, is_read) in [(PART_HEADERS_BYTES_MAX - 20, true), (PART_HEADERS_BYTES_MAX, false)] {
            let message = ["--b\r\n", &"x".repeat(name_bytes), ": y\r\n\r\none\r\n--b--"].concat();
            for piece_bytes in [100, usize::MAX] {
                assert_eq!(read(message.as_bytes(), piece_bytes).await.is_ok(), is_read, "{name_bytes} {piece_bytes}");
            }
        }
    }

    #[tokio::test]
    async fn the_rest_of_a_part_that_nobody_reads_is_passed_over() {
        let mut parts = Parts::new(stream::iter([Ok(Bytes::from_static(MESSAGE))]), "b");
        assert_eq!(parts.next_part().await.unwrap().as_deref(), Some("application/dicom"));
        assert_eq!(parts.next_part().await.unwrap().as_deref(), Some("text/plain"));
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn changed_messages_are_read_the_same_however_they_are_cut(
            changes in vec((any::<Index>(), any::<u8>()), 0..6),
            cut in any::<Index>(),
            join in any::<Index>(),
            piece_bytes in 1_usize..40,
        ) {
            let (cut, join) = (cut.index(MESSAGE.len()), join.index(MESSAGE.len()));
            let mut message = [&MESSAGE[..cut], &MESSAGE[join..]].concat();
            for (place, value) in changes {
                if !message.is_empty() {
                    let place = place.index(message.len());
                    message[place] = value;
                }
            }
            let (whole, cut) = (now(read(&message, usize::MAX)), now(read(&message, piece_bytes)));
            prop_assert_eq!(whole.ok(), cut.ok());
        }

        #[test]
        fn any_content_type_is_survived(text in "\\PC{0,80}", parameter in "[bB]oundary=\"?\\PC{0,80}") {
            let _ = boundary_of(&text);
            let _ = boundary_of(&format!("multipart/related;{parameter}"));
        }
    }

    #[test]
    fn boundaries_are_read_from_content_types() {
        assert_eq!(boundary_of("multipart/related; type=\"application/dicom\"; boundary=aB"), Some("aB"));
        assert_eq!(boundary_of("multipart/related; Boundary=\"a b\""), Some("a b"));
        assert_eq!(boundary_of("multipart/related; boundary="), None);
        assert_eq!(boundary_of("multipart/related"), None);
    }
}

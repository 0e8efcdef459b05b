//! Server-sent events: the bytes of a stream cut into events, in bounded memory. What an event
//! means is not known here.

/// Most bytes of one line or of one event's data.
const LONGEST: usize = 8 << 20;

/// Characters of a broken line that are shown.
const SHOWN: usize = 80;

/// Why the bytes are no stream of events; one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken(pub(super) String);

/// Cuts bytes into events, however they are split.
///
/// Line ends are LF, CR or CRLF; comments, `id`, `event` and `retry` are passed over, because both
/// interfaces say in the data itself what it is. A field of another name is an error and not
/// ignored: it may be words of the answer that lost their beginning.
#[derive(Debug, Default)]
pub(super) struct Sse {
    line: Vec<u8>,
    /// Of the event that is open, if it has any yet.
    data: Option<Vec<u8>>,
    /// The last byte was a CR: an LF right after it belongs to it.
    cr: bool,
    begun: bool,
}

impl Sse {
    /// Takes bytes and hands on the data of every event that is complete with them.
    pub(super) fn feed<E: From<Broken>>(
        &mut self,
        bytes: &[u8],
        each: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        if self.cr && !rest.is_empty() {
            self.cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = rest.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            let (line, tail) = rest.split_at(end);
            self.keep(line)?;
            self.end_line(each)?;
            rest = match tail {
                [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
                [] => &[],
            };
            self.cr = tail == b"\r";
        }
        self.keep(rest).map_err(E::from)
    }

    /// Whether something of an event has come whose end has not.
    pub(super) fn is_cut(&self) -> bool {
        self.data.is_some() || !self.line.is_empty()
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        if self.line.len() + bytes.len() > LONGEST {
            return Err(Broken(format!("a line of more than {} MiB", LONGEST >> 20)));
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line<E: From<Broken>>(
        &mut self,
        each: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        if text.is_empty() {
            return match self.data.take() {
                Some(data) => each(&String::from_utf8_lossy(&data)),
                None => Ok(()),
            };
        }
        let colon = text.iter().position(|&b| b == b':');
        let (field, value) = text.split_at(colon.unwrap_or(text.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        match field {
            b"data" => self.add(value.strip_prefix(b" ").unwrap_or(value))?,
            b"" | b"event" | b"id" | b"retry" => {}
            _ => {
                let line = String::from_utf8_lossy(text);
                let shown: String = line.chars().take(SHOWN).collect();
                return Err(Broken(format!("the line «{shown}»")).into());
            }
        }
        Ok(())
    }

    fn add(&mut self, value: &[u8]) -> Result<(), Broken> {
        let data = match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data
            }
            None => self.data.insert(Vec::new()),
        };
        if data.len() + value.len() > LONGEST {
            return Err(Broken(format!(
                "an event of more than {} MiB",
                LONGEST >> 20
            )));
        }
        data.extend_from_slice(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(chunks: &[&[u8]]) -> (Vec<String>, Option<String>, bool) {
        let mut sse = Sse::default();
        let mut data = Vec::new();
        let mut broken = None;
        for chunk in chunks {
            let fed = sse.feed::<Broken>(chunk, &mut |event| {
                data.push(event.to_owned());
                Ok(())
            });
            if let Err(Broken(why)) = fed {
                broken = Some(why);
                break;
            }
        }
        (data, broken, sse.is_cut())
    }

    const STREAM: &str = "\u{feff}: hello\r\nevent: a\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\n\
        data:ä\n\nid: 7\rretry: 3\rdata: [DONE]\r\r";

    /// Every line end, comments, several data lines, a mark at the beginning.
    #[test]
    fn events_are_read() {
        let (data, broken, cut) = read(&[STREAM.as_bytes()]);
        assert_eq!(data, ["{\"a\":\n1}", "ä", "[DONE]"]);
        assert_eq!((broken, cut), (None, false));
        assert!(read(&[b"data: half"]).2);
    }

    /// What is no event is said, not passed over; what has no end is bounded.
    #[test]
    fn rubbish_is_named() {
        let (_, broken, _) = read(&[b"data: a\n\n<html>oh</html>\n"]);
        assert_eq!(broken.unwrap(), "the line «<html>oh</html>»");
        let flood = vec![b'x'; 1 << 20];
        let (_, broken, _) = read(&vec![flood.as_slice(); 20]);
        assert_eq!(broken.unwrap(), "a line of more than 8 MiB");
    }

    proptest! {
        /// However the bytes are split, the events are the same.
        #[test]
        fn any_split_gives_the_same(at in 0..STREAM.len(), len in 0..STREAM.len()) {
            let bytes = STREAM.as_bytes();
            let end = (at + len).min(bytes.len());
            let split = read(&[&bytes[..at], &bytes[at..end], &bytes[end..]]);
            prop_assert_eq!(split, read(&[bytes]));
        }

        /// Any bytes are read without a panic.
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&[&bytes]);
        }
    }
}

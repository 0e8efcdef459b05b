//! JSON read lazily and forgivingly: fields are found by name, a field that is missing or of another
//! type than expected is simply not there, and what nobody asks for is never unpacked.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// One object: its fields in order, each value as it was written.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Reads an object, or says no.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// A value as it was written.
    pub(super) fn raw(&self, key: &str) -> Option<&'a str> {
        self.fields
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.get())
    }

    /// A string.
    pub(super) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.raw(key).and_then(string)
    }

    /// A string; empty where there is none.
    pub(super) fn word(&self, key: &str) -> Cow<'a, str> {
        self.text(key).unwrap_or_default()
    }

    /// A whole number that is not negative; 0 where there is none.
    pub(super) fn number(&self, key: &str) -> u64 {
        self.raw(key)
            .and_then(|raw| raw.parse().ok())
            .unwrap_or_default()
    }

    /// Any number.
    pub(super) fn float(&self, key: &str) -> Option<f64> {
        self.raw(key)
            .filter(|raw| !raw.starts_with('"'))
            .and_then(|raw| raw.parse().ok())
    }

    /// Whether it is there and true.
    pub(super) fn is_true(&self, key: &str) -> bool {
        self.raw(key) == Some("true")
    }

    /// An object within.
    pub(super) fn object(&self, key: &str) -> Option<Self> {
        self.raw(key).and_then(Self::parse)
    }

    /// The values of a list as they were written; none where it is no list.
    pub(super) fn list(&self, key: &str) -> Vec<&'a str> {
        self.raw(key).map(items).unwrap_or_default()
    }

    /// The objects of a list.
    pub(super) fn objects(&self, key: &str) -> impl Iterator<Item = Self> + use<'a> {
        self.list(key).into_iter().filter_map(Self::parse)
    }

    /// All fields, in order.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.fields.iter().map(|(key, value)| (&**key, value.get()))
    }
}

/// The items of a list as they were written.
pub(super) fn items(raw: &str) -> Vec<&str> {
    if !raw.starts_with('[') {
        return Vec::new();
    }
    let items: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
    items.into_iter().map(RawValue::get).collect()
}

/// A string as it was meant; half a character, as agents leave when they cut text, becomes `U+FFFD`.
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.starts_with('"') {
        return None;
    }
    match serde_json::from_str::<Word<'_>>(raw) {
        Ok(Word(text)) => Some(text),
        Err(_) => serde_json::from_str::<Lossy>(raw)
            .ok()
            .map(|Lossy(text)| Cow::Owned(text)),
    }
}

#[derive(serde::Deserialize)]
struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

struct Lossy(String);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Lossy;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Lossy, E> {
                Ok(Lossy(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(12);
                while let Some((Word(key), value)) = map.next_entry()? {
                    fields.push((key, value));
                }
                Ok(Object { fields })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields of another type than expected are not there; nothing is refused for it.
    #[test]
    fn a_field_of_another_type_is_not_there() {
        let object = Object::parse(r#"{"a":null,"b":7,"c":"x\ny","d":{"e":[1,{"f":2}]},"a":1}"#);
        let object = object.unwrap();
        assert_eq!(object.text("a"), None);
        assert_eq!(object.number("a"), 0);
        assert_eq!(object.number("b"), 7);
        assert_eq!(object.word("b"), "");
        assert_eq!(object.word("c"), "x\ny");
        let d = object.object("d").unwrap();
        assert_eq!(d.list("e"), ["1", r#"{"f":2}"#]);
        assert_eq!(d.objects("e").map(|f| f.number("f")).sum::<u64>(), 2);
        assert!(Object::parse("[1]").is_none() && object.object("c").is_none());
    }

    /// Half a surrogate pair, as a cut emoji leaves it, does not cost the rest of the text.
    #[test]
    fn half_a_character_is_replaced() {
        let text = string(r#""cut \ud83d here""#).unwrap();
        assert!(text.starts_with("cut \u{fffd}") && text.ends_with(" here"));
        assert_eq!(string(r#""whole \ud83d\ude00""#).unwrap(), "whole 😀");
    }
}

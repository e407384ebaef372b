//! Reading XML as the JSON it would be, so that adapters look at both through [`Json`](crate::json).
//!
//! An element of text alone is a text; one with children or attributes is an object of them, where
//! attributes are called `@name` and text beside them `$text`; children of the same name are a
//! list, in order ([`Json::each`](crate::json::Json::each) takes one as well as several).
//!
//! A document type is refused, so nothing can be defined, and only the five entities every document
//! has are resolved: nothing expands, and nothing outside is ever looked at. Depth is bounded.

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};
use serde_json::{Map, Value};

use crate::{Malformed, Request, Verified, json};

/// Deeper than any provider nests, and shallow enough for every stack.
const MAX_DEPTH: usize = 32;

/// A body that is no XML we read, and why. The text quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotXml(&'static str);

impl From<NotXml> for Malformed {
    fn from(NotXml(why): NotXml) -> Self {
        Self(format!("the body is not the XML expected: {why}"))
    }
}

/// A document.
#[derive(Debug, PartialEq)]
pub(crate) struct Document {
    /// The name of its root.
    pub root: String,
    /// What the root holds.
    pub content: Value,
}

/// Reads a body that must be XML with something in its root.
pub(crate) fn document(request: &Request<Verified>) -> Result<Document, Malformed> {
    document_in(&request.body)
}

/// The same for what stood in the body in another form, such as encrypted.
pub(crate) fn document_in(content: &[u8]) -> Result<Document, Malformed> {
    let mut document = read(content)?;
    document.content = json::bounded(document.content)?;
    Ok(document)
}

/// Reads `document`, in UTF-8 as all but the oldest providers write.
pub(crate) fn read(document: &[u8]) -> Result<Document, NotXml> {
    let text = std::str::from_utf8(document).map_err(|_| NotXml("it is not UTF-8"))?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().map_err(|_| NotXml("syntax error"))? {
            Event::Start(_) | Event::Empty(_) if root.is_some() => {
                return Err(NotXml("it has two roots"));
            }
            Event::Start(start) => {
                if open.len() == MAX_DEPTH {
                    return Err(NotXml("it is nested too deeply"));
                }
                open.push(Element::new(&start)?);
            }
            Event::Empty(start) => root = close(&mut open, Element::new(&start)?),
            Event::End(_) => {
                // The reader has compared the names.
                let element = open.pop().ok_or(NotXml("it closes what was not opened"))?;
                root = close(&mut open, element);
            }
            Event::Text(text) => {
                let text = text.xml10_content().map_err(|_| NotXml("it is not UTF-8"))?;
                push(&mut open, &text)?;
            }
            Event::CData(text) => {
                let text = text.xml10_content().map_err(|_| NotXml("it is not UTF-8"))?;
                push(&mut open, &text)?;
            }
            Event::GeneralRef(reference) => push(&mut open, &resolved(&reference)?)?,
            Event::DocType(_) => return Err(NotXml("document types are not read")),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        return Err(NotXml("it ends too early"));
    }
    root.map(|root| Document { root: root.name, content: root.content.into_value() })
        .ok_or(NotXml("it is empty"))
}

struct Element {
    name: String,
    content: Content,
}

#[derive(Default)]
struct Content {
    members: Map<String, Value>,
    text: String,
}

impl Element {
    fn new(start: &BytesStart<'_>) -> Result<Self, NotXml> {
        let mut content = Content::default();
        // Looking for repeated names takes a comparison with every name before.
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| NotXml("an attribute has no value"))?;
            let value = attribute.normalized_value(XmlVersion::Explicit1_0);
            let value = value.map_err(|_| NotXml("an attribute has an unknown entity"))?;
            let name = String::from_utf8_lossy(attribute.key.as_ref());
            content.members.entry(format!("@{name}")).or_insert_with(|| value.as_ref().into());
        }
        let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
        Ok(Self { name, content })
    }
}

impl Content {
    fn into_value(mut self) -> Value {
        if self.members.is_empty() {
            return self.text.into();
        }
        let text = self.text.trim();
        if !text.is_empty() {
            self.members.insert("$text".to_owned(), text.into());
        }
        self.members.into()
    }
}

/// Puts a finished element into the one around it; the root is handed back.
fn close(open: &mut [Element], element: Element) -> Option<Element> {
    let Some(parent) = open.last_mut() else {
        return Some(element);
    };
    let value = element.content.into_value();
    match parent.content.members.get_mut(&element.name) {
        Some(Value::Array(items)) => items.push(value),
        Some(first) => *first = vec![first.take(), value].into(),
        None => drop(parent.content.members.insert(element.name, value)),
    }
    None
}

fn push(open: &mut [Element], text: &str) -> Result<(), NotXml> {
    match open.last_mut() {
        Some(element) => element.content.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(NotXml("text stands outside of its root")),
    }
    Ok(())
}

/// A character by its number, or one of the five entities; others stay as they are written.
fn resolved(reference: &BytesRef<'_>) -> Result<String, NotXml> {
    if let Some(character) =
        reference.resolve_char_ref().map_err(|_| NotXml("it names a character there is not"))?
    {
        return Ok(character.into());
    }
    let name = String::from_utf8_lossy(reference);
    Ok(resolve_predefined_entity(&name).map_or_else(|| format!("&{name};"), str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(document: &str) -> Result<Value, NotXml> {
        read(document.as_bytes()).map(|document| document.content)
    }

    #[test]
    fn a_document_becomes_the_json_it_would_be() {
        let document = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- hello -->\n\
            <xml a='1 &lt; 2'><To><![CDATA[gh_7 & <b>]]></To><Text>Ol&#xe1; &amp; more &nbsp;</Text>\
            <Item id=\"1\">one</Item><Item/><Item><Deep>3</Deep></Item><Empty></Empty></xml>\n";
        assert_eq!(
            content(document).expect("a document"),
            json!({
                "@a": "1 < 2",
                "To": "gh_7 & <b>",
                "Text": "Olá & more &nbsp;",
                "Item": [{"@id": "1", "$text": "one"}, "", {"Deep": "3"}],
                "Empty": "",
            })
        );
        assert_eq!(read(b"<Report>x</Report>").map(|document| document.root), Ok("Report".into()));
    }

    #[test]
    fn what_is_no_document_says_why() {
        for (document, why) in [
            ("", "it is empty"),
            ("{}", "text stands outside of its root"),
            ("<a>", "it ends too early"),
            ("<a></b>", "syntax error"),
            ("</a>", "syntax error"),
            ("<a/><b/>", "it has two roots"),
            ("<a b/>", "an attribute has no value"),
            ("<a b='&x;'/>", "an attribute has an unknown entity"),
            ("<a>&#xd800;</a>", "it names a character there is not"),
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "document types are not read"),
        ] {
            assert_eq!(content(document), Err(NotXml(why)), "{document}");
        }
        assert_eq!(read(b"<a>\xff</a>"), Err(NotXml("it is not UTF-8")));
        let deep = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert!(content(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(content(&deep(MAX_DEPTH + 1)), Err(NotXml("it is nested too deeply")));
    }
}

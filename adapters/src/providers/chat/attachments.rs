//! The files of a message.

use super::{fields::Fields, tree::Node};
use crate::{Attachment, AttachmentKind};

const MAX_ATTACHMENTS: usize = 20;

/// Takes the files of a message or an edit.
pub(super) fn attachments(data: &mut Fields) -> Vec<Attachment> {
    let files = data.list("attachments");
    if files.len() > MAX_ATTACHMENTS {
        data.problem("attachments", "too_many", "takes at most 20 files");
        return Vec::new();
    }
    let mut attachments = Vec::new();
    for (index, file) in files.into_iter().enumerate() {
        let place = format!("attachments/{index}");
        let Node::Object(file) = file else {
            data.problem(&place, "invalid_type", "must be an object");
            continue;
        };
        let (mut attachment, rest) = data.nested(&place, file, attachment);
        attachment.metadata = (!rest.is_empty()).then(|| rest.into());
        attachments.push(attachment);
    }
    attachments
}

fn attachment(file: &mut Fields) -> Attachment {
    let url = file.text("url");
    let reference = file.id("id");
    // These addresses are fetched, and shown as links.
    if url.as_deref().is_some_and(|url| !is_web_address(url)) {
        file.problem("url", "invalid", "must be an https:// or http:// address");
    }
    if url.is_none() && reference.is_none() {
        file.problem("url", "required", "is required, unless there is an id");
    }
    let content_type = file.text("mime");
    let kind =
        content_type.as_deref().map_or(AttachmentKind::File, AttachmentKind::from_content_type);
    Attachment {
        url,
        reference,
        content_type,
        filename: file.text("name"),
        ..Attachment::new(kind)
    }
}

fn is_web_address(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
    })
}

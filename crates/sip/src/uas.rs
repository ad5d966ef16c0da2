//! What every user agent does with a request before it means anything (RFC 3261 8.2): methods, schemes, extensions,
//! bodies, and the OPTIONS answer (RFC 3261 11.2).

use crate::extension;
use crate::invite::Refused;
use crate::layer::Layer;
use crate::transaction::ServerId;
use crate::transport::Source;
use crate::wire::sdp;
use crate::wire::{HeaderAccess as _, Headers, Method, Request, Response, Uri};
use std::time::Instant;

/// Methods answered inside the endpoint when they come outside a dialog.
fn is_ours(method: &Method) -> bool {
    [Method::INVITE, Method::CANCEL, Method::OPTIONS, Method::MESSAGE, Method::NOTIFY].contains(method)
}

fn is_handled(request: &Request, layer: &Layer) -> bool {
    layer.around.config.handles.contains(&request.method)
}

/// Methods that mean something inside a dialog alone (RFC 3261 15.1.2, 12.2.2).
fn ends_in_481(method: &Method) -> bool {
    [Method::BYE, Method::PRACK, Method::UPDATE].contains(method)
}

/// Looks at a new request as RFC 3261 8.2.1 to 8.2.2 tell, in their order. False: it was refused.
pub(crate) fn inspect(
    now: Instant,
    server: ServerId,
    request: &Request,
    in_dialog: bool,
    layer: &mut Layer,
) -> bool {
    if !in_dialog && [Method::REFER, Method::INFO].contains(&request.method) && !is_handled(request, layer) {
        // A REFER outside a call would have us call whomever a stranger names (RFC 3515 4.1); an INFO has no other
        // place (RFC 6086 4.2.1).
        let code = if request.method == Method::REFER { 403 } else { 481 };
        layer.reply(now, server, code);
        return false;
    }
    // 8.2.1
    if !in_dialog && !is_ours(&request.method) && !is_handled(request, layer) && !ends_in_481(&request.method)
    {
        refuse_method(now, server, request, layer);
        return false;
    }
    // 8.2.2.1
    if matches!(request.uri, Uri::Other(..)) {
        layer.reply(now, server, 416);
        return false;
    }
    // 8.2.2.3: neither CANCEL nor ACK may ask for an extension.
    let off = layer.around.switched_off();
    let unsupported = extension::unsupported(&request.headers.tokens("Require"), &off);
    if !unsupported.is_empty() && request.method != Method::CANCEL {
        if let Some(mut response) = layer.reply_to(server, 420) {
            response.headers.add("Unsupported", unsupported.join(", "));
            layer.respond(now, server, response);
        }
        return false;
    }
    true
}

/// 405 for a method known and not allowed here, 501 for one never heard of (RFC 3261 8.2.1, 21.5.2).
pub(crate) fn refuse_method(now: Instant, server: ServerId, request: &Request, layer: &mut Layer) {
    let code = match request.method {
        Method::Standard(_) => 405,
        Method::Extension(_) => 501,
    };
    if let Some(mut response) = layer.reply_to(server, code) {
        response.headers.add("Allow", layer.around.allow());
        layer.respond(now, server, response);
    }
}

/// RFC 3261 8.2.3.
pub(crate) fn refuse_body(now: Instant, server: ServerId, refused: Refused, layer: &mut Layer) {
    let code = match refused {
        Refused::MediaType | Refused::Encoding => 415,
        Refused::Unreadable => 400,
    };
    let Some(mut response) = layer.reply_to(server, code) else { return };
    match refused {
        Refused::MediaType => response.headers.add("Accept", sdp::CONTENT_TYPE),
        Refused::Encoding => response.headers.add("Accept-Encoding", "identity"),
        Refused::Unreadable => response.reason = "Bad Session Description".into(),
    }
    layer.respond(now, server, response);
}

/// The headers of an OPTIONS answer (RFC 3261 11.2).
pub(crate) fn describe_us(response: &mut Response, layer: &Layer) {
    response.headers.add("Allow", layer.around.allow());
    response.headers.add("Accept", sdp::CONTENT_TYPE);
    response.headers.add("Accept-Encoding", "identity");
    response.headers.add("Accept-Language", "en");
    response.headers.add("Supported", extension::supported(&layer.around.switched_off()));
}

/// Notes in the top Via where a request came from (RFC 3261 18.2.1, RFC 3581 4).
pub(crate) fn note_source(headers: &mut Headers, source: Source) {
    let Ok(mut vias) = headers.vias() else { return };
    if let Some(top) = vias.first_mut() {
        top.note_source(source.remote);
    }
    headers.remove("Via");
    for via in vias {
        headers.add("Via", via.to_string());
    }
}

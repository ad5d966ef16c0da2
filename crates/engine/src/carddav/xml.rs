//! Answers of a CardDAV server, read (RFC 4918 section 13, RFC 6352, RFC 6578).
//!
//! A server's answer is anybody's: what it may hold is bounded here, a document type (and with it every entity of its
//! own) is refused, and elements that are not known are passed over.

use quick_xml::{
    escape::resolve_predefined_entity,
    events::Event,
    name::{Namespace, ResolveResult},
    reader::NsReader,
};

/// Elements within each other.
const DEEPEST: usize = 32;
/// Cards of an address book, and the books beside them.
const MOST_RESPONSES: usize = 60_000;

const DAV: &str = "DAV:";
const CARDDAV: &str = "urn:ietf:params:xml:ns:carddav";
const CALENDARSERVER: &str = "http://calendarserver.org/ns/";

/// All that an answer says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct MultiStatus {
    pub(super) responses: Vec<Answered>,
    /// Of the whole collection (RFC 6578 section 6.2).
    pub(super) sync_token: Option<String>,
}

/// What it says of one address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answered {
    pub(super) href: String,
    /// Of the address itself, where it has no properties.
    pub(super) status: Option<u16>,
    pub(super) props: Props,
}

/// Properties that were found.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Props {
    pub(super) is_book: bool,
    pub(super) name: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) ctag: Option<String>,
    pub(super) sync_token: Option<String>,
    /// RFC 5397.
    pub(super) principal: Option<String>,
    /// RFC 6352 section 7.1.1.
    pub(super) homes: Vec<String>,
    pub(super) card: Option<String>,
}

impl std::fmt::Debug for Props {
    // People stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Props").field("is_book", &self.is_book).finish_non_exhaustive()
    }
}

/// An element that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    MultiStatus,
    Response,
    Href,
    PropStat,
    Prop,
    Status,
    Etag,
    Ctag,
    SyncToken,
    DisplayName,
    ResourceType,
    Book,
    Principal,
    Home,
    Card,
    Other,
}

impl Element {
    fn of(namespace: &ResolveResult<'_>, name: &str) -> Self {
        let ResolveResult::Bound(Namespace(namespace)) = namespace else { return Self::Other };
        match (*namespace, name) {
            (DAV, "multistatus") => Self::MultiStatus,
            (DAV, "response") => Self::Response,
            (DAV, "href") => Self::Href,
            (DAV, "propstat") => Self::PropStat,
            (DAV, "prop") => Self::Prop,
            (DAV, "status") => Self::Status,
            (DAV, "getetag") => Self::Etag,
            (DAV, "sync-token") => Self::SyncToken,
            (DAV, "displayname") => Self::DisplayName,
            (DAV, "resourcetype") => Self::ResourceType,
            (DAV, "current-user-principal") => Self::Principal,
            (CARDDAV, "addressbook") => Self::Book,
            (CARDDAV, "addressbook-home-set") => Self::Home,
            (CARDDAV, "address-data") => Self::Card,
            (CALENDARSERVER, "getctag") => Self::Ctag,
            _ => Self::Other,
        }
    }
}

/// Reads an answer; `None` when it is no multistatus, or one that goes beyond all bounds.
pub(super) fn read(text: &str) -> Option<MultiStatus> {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut reading = Reading::default();
    loop {
        match reader.read_resolved_event().ok()? {
            (namespace, Event::Start(start)) => {
                let element = Element::of(&namespace, start.local_name().as_ref());
                reading.open(element)?;
            }
            (_, Event::End(_)) => reading.close()?,
            (_, Event::Text(text)) => reading.text.push_str(&text.xml10_content()),
            (_, Event::CData(text)) => reading.text.push_str(&text.xml10_content()),
            (_, Event::GeneralRef(reference)) => match reference.resolve_char_ref().ok()? {
                Some(c) => reading.text.push(c),
                // Others would be of a document type.
                None => reading.text.push_str(resolve_predefined_entity(&reference.xml10_content())?),
            },
            (_, Event::DocType(_)) => return None,
            (_, Event::Eof) => break,
            _ => {}
        }
    }
    (reading.is_multistatus && reading.path.is_empty()).then_some(reading.found)
}

#[derive(Default)]
struct Reading {
    path: Vec<Element>,
    text: String,
    found: MultiStatus,
    response: Answered,
    /// Properties of the propstat that is being read, which count once its status is known.
    props: Props,
    status: Option<u16>,
    is_multistatus: bool,
}

impl Reading {
    fn open(&mut self, element: Element) -> Option<()> {
        if self.path.len() >= DEEPEST {
            return None;
        }
        match (self.path.last(), element) {
            (None, Element::MultiStatus) => self.is_multistatus = true,
            (None, _) => return None,
            (Some(Element::MultiStatus), Element::Response) => self.response = Answered::default(),
            (Some(Element::Response), Element::PropStat) => {
                self.props = Props::default();
                self.status = None;
            }
            _ => {}
        }
        self.text.clear();
        self.path.push(element);
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        use Element::*;
        let element = self.path.pop()?;
        let text = std::mem::take(&mut self.text);
        let said = || Some(text.trim().to_owned()).filter(|said| !said.is_empty());
        match (self.path.last().copied(), element) {
            (Some(MultiStatus), SyncToken) => self.found.sync_token = said(),
            (Some(MultiStatus), Response) => {
                if self.found.responses.len() >= MOST_RESPONSES {
                    return None;
                }
                self.found.responses.push(std::mem::take(&mut self.response));
            }
            (Some(Response), Href) => self.response.href = said().unwrap_or_default(),
            (Some(Response), Status) => self.response.status = status(&text),
            (Some(PropStat), Status) => self.status = status(&text),
            (Some(Response), PropStat) if self.status.is_none_or(|status| (200..300).contains(&status)) => {
                self.response.props.add(std::mem::take(&mut self.props));
            }
            (Some(Prop), Etag) => self.props.etag = said(),
            (Some(Prop), Ctag) => self.props.ctag = said(),
            (Some(Prop), SyncToken) => self.props.sync_token = said(),
            (Some(Prop), DisplayName) => self.props.name = said(),
            (Some(Prop), Card) => self.props.card = said(),
            (Some(ResourceType), Book) => self.props.is_book = true,
            (Some(Principal), Href) => self.props.principal = said(),
            (Some(Home), Href) => self.props.homes.extend(said()),
            _ => {}
        }
        Some(())
    }
}

impl Props {
    fn add(&mut self, more: Self) {
        self.is_book |= more.is_book;
        self.name = self.name.take().or(more.name);
        self.etag = self.etag.take().or(more.etag);
        self.ctag = self.ctag.take().or(more.ctag);
        self.sync_token = self.sync_token.take().or(more.sync_token);
        self.principal = self.principal.take().or(more.principal);
        self.homes.extend(more.homes);
        self.card = self.card.take().or(more.card);
    }
}

/// `HTTP/1.1 200 OK`.
fn status(line: &str) -> Option<u16> {
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_count_where_their_status_says_so() {
        let read = read(
            r#"<?xml version="1.0"?>
            <d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav" xmlns:cs="http://calendarserver.org/ns/">
              <d:response><d:href>/book/</d:href>
                <d:propstat><d:prop>
                  <d:resourcetype><d:collection/><c:addressbook/></d:resourcetype>
                  <d:displayname>Ann &amp; B&#233;</d:displayname><cs:getctag>7</cs:getctag>
                  <d:current-user-principal><d:href>/me/</d:href></d:current-user-principal>
                  <c:addressbook-home-set><d:href>/books/1/</d:href><d:href>/books/2/</d:href></c:addressbook-home-set>
                </d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>
                <d:propstat><d:prop><d:getetag>"no"</d:getetag></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>
              </d:response>
              <response xmlns="DAV:"><href> /book/a.vcf </href><status>HTTP/1.1 404 Not Found</status></response>
              <d:sync-token>http://example.com/ns/sync/1234</d:sync-token>
            </d:multistatus>"#,
        )
        .unwrap();
        assert_eq!(read.sync_token.as_deref(), Some("http://example.com/ns/sync/1234"));
        let [book, gone] = &read.responses[..] else { panic!("{read:?}") };
        assert_eq!((book.href.as_str(), book.props.is_book, &book.props.etag), ("/book/", true, &None));
        assert_eq!((book.props.name.as_deref(), book.props.ctag.as_deref()), (Some("Ann & Bé"), Some("7")));
        assert_eq!(book.props.principal.as_deref(), Some("/me/"));
        assert_eq!(book.props.homes, ["/books/1/", "/books/2/"]);
        assert_eq!((gone.href.as_str(), gone.status), ("/book/a.vcf", Some(404)));
    }

    #[test]
    fn a_card_comes_as_text_or_untouched() {
        let answer = |card: &str| {
            let props = format!("<prop><C:address-data>{card}</C:address-data></prop>");
            let text = format!(
                r#"<multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><response><href>a</href>
                    <propstat>{props}<status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"#
            );
            read(&text).unwrap().responses.remove(0).props.card.unwrap()
        };
        assert_eq!(answer("FN:A &lt;B&gt;&#13;\nEND"), "FN:A <B>\r\nEND");
        assert_eq!(answer("<![CDATA[FN:A <B> & C]]>"), "FN:A <B> & C");
    }

    #[test]
    fn what_is_hostile_or_another_document_is_none() {
        let bomb = r#"<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>
            <multistatus xmlns="DAV:"><response><href>&b;</href></response></multistatus>"#;
        let outside = r#"<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]><multistatus xmlns="DAV:"/>"#;
        let undeclared = r#"<multistatus xmlns="DAV:"><sync-token>&b;</sync-token></multistatus>"#;
        let deep = format!("<multistatus xmlns=\"DAV:\">{}", "<x>".repeat(100_000));
        for text in [
            bomb,
            outside,
            undeclared,
            &deep,
            "",
            "<html/>",
            "<multistatus/>",
            "<multistatus xmlns=\"DAV:\"><response>",
            "<multistatus xmlns=\"DAV:\"></x>",
            "no xml",
        ] {
            assert_eq!(read(text), None, "{}", text.get(..60).unwrap_or(text));
        }
        let many = "<response/>".repeat(MOST_RESPONSES + 1);
        assert_eq!(read(&format!("<multistatus xmlns=\"DAV:\">{many}</multistatus>")), None);
    }
}

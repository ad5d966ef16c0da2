//! Candidates told after the description: the body `application/trickle-ice-sdpfrag` (RFC 8840 9).
//!
//! Which message carries it, and when, is `crate::trickle`'s affair.

use super::transport::{Candidate, END, MAX_CANDIDATES};
use std::fmt::{Display, Formatter, Result as Formatted};

/// What one side has found so far for its sound.
#[derive(Clone, PartialEq, Eq)]
pub struct IceFragment {
    /// `ice-ufrag` of the description it belongs to.
    pub fragment: String,
    /// `ice-pwd` of the same.
    pub password: String,
    /// The section's name (`mid`); empty where the other side gives none.
    pub mid: String,
    /// Its addresses: those told before, in their order, and new ones behind (RFC 8840 4.3.3).
    pub candidates: Vec<Candidate>,
    /// No more will follow.
    pub complete: bool,
}

/// What a section says, and what all of them share.
#[derive(Debug, Default)]
struct Section<'a> {
    audio: bool,
    fragment: Option<&'a str>,
    password: Option<&'a str>,
    mid: Option<&'a str>,
    candidates: Vec<Candidate>,
    complete: bool,
}

impl IceFragment {
    /// Reads what is said of the section `mid`; where no section has a name, of the first one for sound. `None` for what
    /// is no such body, or says nothing of that section.
    pub fn parse(body: &[u8], mid: &str) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let (mut session, mut sections) = (Section::default(), Vec::new());
        for line in text.lines().map(str::trim_ascii_end).filter(|line| !line.is_empty()) {
            let (kind, value) = line.split_once('=')?;
            match kind {
                "m" if sections.len() >= MAX_SECTIONS => return None,
                "m" => {
                    let audio = value.split_ascii_whitespace().next() == Some("audio");
                    sections.push(Section { audio, ..Section::default() });
                }
                "a" => sections.last_mut().unwrap_or(&mut session).note(value),
                // RFC 8840 9.2 knows nothing else; a whole description has more, and does no harm.
                _ => {}
            }
        }
        let named = sections.iter().position(|section| section.mid == Some(mid));
        let nameless = || sections.iter().position(|section| section.audio && section.mid.is_none());
        let section = sections.swap_remove(named.or_else(nameless)?);
        Some(Self {
            fragment: section.fragment.or(session.fragment)?.to_owned(),
            password: section.password.or(session.password)?.to_owned(),
            mid: section.mid.unwrap_or_default().to_owned(),
            candidates: section.candidates,
            complete: section.complete || session.complete,
        })
    }
}

/// Sections looked at; a description has no more.
const MAX_SECTIONS: usize = 32;

impl<'a> Section<'a> {
    fn note(&mut self, attribute: &'a str) {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match name {
            "ice-ufrag" => self.fragment = Some(value),
            "ice-pwd" => self.password = Some(value),
            "mid" => self.mid = Some(value),
            "candidate" if self.candidates.len() < MAX_CANDIDATES => {
                self.candidates.extend(Candidate::parse(value));
            }
            END => self.complete = true,
            _ => {}
        }
    }
}

impl Display for IceFragment {
    fn fmt(&self, f: &mut Formatter<'_>) -> Formatted {
        let Self { fragment, password, mid, candidates, complete } = self;
        write!(f, "a=ice-ufrag:{fragment}\r\na=ice-pwd:{password}\r\n")?;
        // RFC 8840 9.1: port and format say nothing here; the name alone tells which section is meant.
        write!(f, "m=audio 9 RTP/AVP 0\r\na=mid:{mid}\r\n")?;
        for candidate in candidates {
            write!(f, "a=candidate:{candidate}\r\n")?;
        }
        if *complete { write!(f, "a={END}\r\n") } else { Ok(()) }
    }
}

impl std::fmt::Debug for IceFragment {
    // The password signs the checks.
    fn fmt(&self, f: &mut Formatter<'_>) -> Formatted {
        write!(f, "IceFragment({}, {:?}, complete: {})", self.fragment, self.candidates, self.complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "a=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ice-ufrag:8hhY\r\n";
    const FIRST: &str = "1 1 UDP 2130706432 192.0.2.1 5000 typ host";
    const SECOND: &str = "2 1 UDP 1694498815 198.51.100.3 5000 typ srflx raddr 192.0.2.1 rport 5000";

    fn read(body: &str, mid: &str) -> Option<(Vec<String>, bool)> {
        let read = IceFragment::parse(body.as_bytes(), mid)?;
        assert_eq!((read.fragment.as_str(), read.password.as_str()), ("8hhY", "asd88fgpdd777uzjYhagZg"));
        Some((read.candidates.iter().map(ToString::to_string).collect(), read.complete))
    }

    #[test]
    fn the_section_that_is_meant_is_read() {
        // The form of the example in RFC 8840 9.3: two sections, one of them at its end.
        let body = format!(
            "{HEAD}m=audio 9 RTP/AVP 0\r\na=mid:1\r\na=candidate:{FIRST}\r\na=candidate:{SECOND}\r\n\
             m=audio 9 RTP/AVP 0\r\na=mid:2\r\na=candidate:{FIRST}\r\na=end-of-candidates\r\n"
        );
        let all = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(read(&body, "1"), Some((all(&[FIRST, SECOND]), false)));
        assert_eq!(read(&body, "2"), Some((all(&[FIRST]), true)));
        assert_eq!(read(&body, "3"), None);
        // Credentials may stand in the section, the end for all of them, and peers of drafts name no section.
        let sloppy = format!("a=end-of-candidates\nm=audio 9 RTP/AVP 0\n{HEAD}a=candidate:{FIRST}\n");
        assert_eq!(read(&sloppy, "0"), Some((all(&[FIRST]), true)));
        let other = "1 1 TCP 9 192.0.2.1 9 typ host tcptype active";
        let body = format!("{HEAD}m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:{other}\r\na=x\r\n");
        assert_eq!(read(&body, "0"), Some((Vec::new(), false)), "what can't be checked is passed over");
        for bad in
            ["", "x", "a=ice-ufrag:8hhY\r\n", "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n", "m=video 9 X 0\r\n"]
        {
            assert_eq!(IceFragment::parse(bad.as_bytes(), "0"), None, "{bad}");
        }
        assert_eq!(IceFragment::parse(b"m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=x:\xFF\r\n", "0"), None);
        let many = format!("{HEAD}m=audio 9 RTP/AVP 0\r\n{}", format!("a=candidate:{FIRST}\r\n").repeat(500));
        assert_eq!(IceFragment::parse(many.as_bytes(), "0").unwrap().candidates.len(), MAX_CANDIDATES);
    }

    #[test]
    fn what_is_written_is_read_again_and_shows_no_password() {
        for complete in [true, false] {
            let candidates = [FIRST, SECOND].iter().filter_map(|text| Candidate::parse(text)).collect();
            let (fragment, password) = ("8hhY".to_owned(), "asd88fgpdd777uzjYhagZg".to_owned());
            let ours = IceFragment { fragment, password, mid: "0".into(), candidates, complete };
            let text = ours.to_string();
            assert_eq!(IceFragment::parse(text.as_bytes(), "0").as_ref(), Some(&ours), "{text}");
            assert_eq!(text.ends_with("a=end-of-candidates\r\n"), complete);
            assert!(!format!("{ours:?}").contains(&ours.password));
        }
    }
}

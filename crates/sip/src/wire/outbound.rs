//! What a Contact says about the device behind it: instance, flow and GRUUs (RFC 5626 4.1, RFC 5627 5), and `Flow-Timer`
//! (RFC 5626 10).

use super::{Address, HeaderView, Malformed, Uri, token::Scanner};

/// How often a server wants to hear from a flow, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowTimer {
    /// Seconds; never 0.
    pub seconds: u32,
}

/// The addresses a registrar made for one device (RFC 5627 4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gruu {
    /// `pub-gruu`: stays, and shows the address of record.
    pub public: Option<Uri>,
    /// `temp-gruu`: new with each registration, and shows nothing.
    pub temporary: Option<Uri>,
}

impl Address {
    /// The device's name: what stands between the angle brackets of `+sip.instance`, usually a `urn:uuid:`.
    pub fn instance(&self) -> Option<String> {
        let text = self.params.get("+sip.instance")?;
        text.strip_prefix('<')?.strip_suffix('>').filter(|urn| !urn.is_empty()).map(str::to_owned)
    }

    /// Names the device: `urn` is written in angle brackets and quotes.
    pub fn set_instance(&mut self, urn: &str) {
        self.params.set_quoted("+sip.instance", &format!("<{urn}>"));
    }

    /// Which of the device's flows this binding is for (RFC 5626 4.2); never 0.
    pub fn reg_id(&self) -> Option<u32> {
        let text = self.params.get("reg-id")?;
        let mut scanner = Scanner::new(&text);
        scanner.whole_number("reg-id").ok().filter(|id| *id > 0)
    }

    /// The GRUUs in a binding of a 200 to REGISTER, where there are any.
    pub fn gruu(&self) -> Option<Gruu> {
        let of = |name: &str| self.params.get(name).and_then(|text| Uri::parse(&text).ok());
        let gruu = Gruu { public: of("pub-gruu"), temporary: of("temp-gruu") };
        (gruu.public.is_some() || gruu.temporary.is_some()).then_some(gruu)
    }
}

impl Uri {
    /// Whether requests to it shall take the flow it was given on (`ob`, RFC 5626 4.3).
    pub fn is_outbound(&self) -> bool {
        self.as_sip().is_some_and(|uri| uri.params.has("ob"))
    }

    /// Whether it names one device (`gr`, RFC 5627 6.1).
    pub fn is_gruu(&self) -> bool {
        self.as_sip().is_some_and(|uri| uri.params.has("gr"))
    }
}

impl HeaderView for FlowTimer {
    const NAME: &'static str = "Flow-Timer";

    fn parse(value: &str) -> Result<FlowTimer, Malformed> {
        let mut scanner = Scanner::new(value);
        match (scanner.delta_seconds(Self::NAME)?, scanner.at_end()) {
            (0, _) | (_, false) => Err(Malformed(Self::NAME)),
            (seconds, true) => Ok(FlowTimer { seconds }),
        }
    }
}

impl std::fmt::Display for FlowTimer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;

    #[test]
    fn bindings_tell_device_flow_and_gruus() {
        let contact = Address::parse(
            "<sip:callee@192.0.2.1>;pub-gruu=\"sip:callee@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6\"\
             ;temp-gruu=\"sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@example.com;gr\"\
             ;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\";reg-id=1;expires=3600",
        )
        .unwrap();
        assert_eq!(contact.instance().unwrap(), "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
        assert_eq!(contact.reg_id(), Some(1));
        let gruu = contact.gruu().unwrap();
        assert!(gruu.public.as_ref().unwrap().is_gruu() && gruu.temporary.as_ref().unwrap().is_gruu());
        assert_eq!(gruu.temporary.unwrap().user().unwrap(), "tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5");
        assert!(!contact.uri.is_gruu() && !contact.uri.is_outbound());
        assert_eq!(Address::parse(&contact.to_string()).unwrap(), contact);
    }

    #[test]
    fn what_is_set_is_read() {
        let mut contact = Address::new(Uri::parse("sip:a@192.0.2.1;ob").unwrap());
        assert!(contact.uri.is_outbound());
        contact.set_instance("urn:uuid:0");
        contact.params.set("reg-id", Some("2"));
        assert_eq!(contact.to_string(), "<sip:a@192.0.2.1;ob>;+sip.instance=\"<urn:uuid:0>\";reg-id=2");
        assert_eq!(
            (contact.instance().as_deref(), contact.reg_id(), contact.gruu()),
            (Some("urn:uuid:0"), Some(2), None)
        );
        for bad in [
            "<sip:a@b>;reg-id=0;+sip.instance=x",
            "<sip:a@b>;reg-id=x;+sip.instance=\"<>\"",
            "<sip:a@b>;reg-id;+sip.instance",
        ] {
            let contact = Address::parse(bad).unwrap();
            assert_eq!((contact.instance(), contact.reg_id()), (None, None), "{bad}");
        }
        assert_eq!(Address::parse("<sip:a@b>;pub-gruu=\"nothing\"").unwrap().gruu(), None);
    }

    #[test]
    fn flow_timers() {
        round_trip::<FlowTimer>(&[("120", None)]);
        refused::<FlowTimer>(&["", "0", "-5", "5 6", "x"]);
    }
}

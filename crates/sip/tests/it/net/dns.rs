//! The DNS of the virtual network.

use super::Net;
use tern_sip::{Answer, Question};

impl Net {
    /// What the tables of a test say.
    pub(super) fn answer(&self, question: &Question) -> Answer {
        fn at<T: Clone>(table: &[(&str, T)], name: &str) -> Vec<T> {
            table.iter().filter(|(n, _)| *n == name).map(|(_, v)| v.clone()).collect()
        }
        match question {
            Question::Naptr(name) => Answer::Naptr(at(&self.naptr, name)),
            Question::Srv(name) => Answer::Srv(at(&self.srv, name)),
            Question::Addresses(name) => {
                Answer::Addresses(at(&self.names, name).into_iter().map(|a| a.ip()).collect())
            }
        }
    }
}

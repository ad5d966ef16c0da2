//! Why a command ended before it was done, in words and in a code.

use serde_json::{Value, json};
use tern_engine::{
    api::{ErrorView, Fault, Language},
    texts::Texts,
};

use crate::exit::Exit;

/// Why a command ended before it was done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// To be told on both outputs.
    Told(Box<Told>),
    /// Nobody reads standard output any more: end without a word.
    PipeGone,
    /// The user interrupted before there was anything to end in order.
    Interrupted,
}

/// A failure's facts.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: String,
    pub(crate) fault: Fault,
    /// What happened and what to do, for people.
    pub(crate) sentence: String,
    pub(crate) detail: Option<String>,
    pub(crate) exit: Exit,
}

impl Failure {
    /// What was typed can't be used.
    pub(crate) fn usage(code: &str, sentence: impl Into<String>) -> Self {
        Self::told(code, Fault::User, sentence.into(), None, Exit::Usage)
    }

    /// This computer lacks something or fails.
    pub(crate) fn machine(code: &str, sentence: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::told(code, Fault::Machine, sentence.into(), Some(detail.into()), Exit::Machine)
    }

    /// There is nothing of the name given.
    pub(crate) fn not_found(code: &str, sentence: impl Into<String>) -> Self {
        Self::told(code, Fault::User, sentence.into(), None, Exit::NotFound)
    }

    fn told(code: &str, fault: Fault, sentence: String, detail: Option<String>, exit: Exit) -> Self {
        Self::Told(Box::new(Told { code: code.to_owned(), fault, sentence, detail, exit }))
    }
}

impl From<ErrorView> for Failure {
    fn from(error: ErrorView) -> Self {
        Self::Told(Box::new(Told {
            code: word(&error.code),
            fault: error.fault,
            sentence: Texts::new(Language::System).error(error.code),
            detail: error.detail,
            exit: Exit::of(error.code),
        }))
    }
}

impl Told {
    /// The line for standard output.
    pub(crate) fn line(&self) -> Value {
        json!({ "event": "error", "code": self.code, "fault": word(&self.fault), "detail": self.detail })
    }
}

/// The api's own spelling of one of its unit variants, such as `wrongPassword`.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use tern_engine::api::ErrorCode;

    use super::*;

    #[test]
    fn an_error_of_the_engine_keeps_code_fault_and_detail() {
        let error = ErrorView::with_detail(ErrorCode::NumberUnknown, "404 Not Found");
        let Failure::Told(told) = Failure::from(error) else { panic!("told") };
        let expect = json!({"event":"error","code":"numberUnknown","fault":"peer","detail":"404 Not Found"});
        assert_eq!(told.line(), expect);
        assert_eq!(told.exit, Exit::NotFound);
        assert!(!told.sentence.is_empty() && told.sentence != "error-number-unknown", "{}", told.sentence);
    }
}

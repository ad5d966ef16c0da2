//! The people outside who answer SMS.
//!
//! Their numbers, as all of the sandbox's, are from ranges set aside for films and examples.

/// Somebody outside who answers SMS.
pub(crate) struct Contact {
    pub(crate) number: &'static str,
    /// Sent in turn.
    pub(crate) replies: &'static [&'static str],
    /// Sent while the customer was away.
    pub(crate) missed_you: &'static str,
}

pub(crate) const SAM: &str = "+447700900318";
pub(crate) const CAMILLE: &str = "+33639982255";
pub(crate) const LENA: &str = "+491713920077";

/// Everybody outside who answers SMS.
pub(crate) const CONTACTS: &[Contact] = &[
    Contact {
        number: SAM,
        replies: &["Perfect, see you then!", "Ha, agreed.", "Let me check and get back to you."],
        missed_you: "Tried to call you just now. Nothing urgent, ring me when you are back online.",
    },
    Contact {
        number: CAMILLE,
        replies: &["Super, merci !", "D'accord, on fait comme ça.", "Je te redis ce soir."],
        missed_you: "J'ai essayé de te joindre. Rappelle-moi quand tu peux, bises.",
    },
    Contact {
        number: LENA,
        replies: &["Отлично, спасибо!", "Договорились 🙂", "Перезвоню через полчаса."],
        missed_you: "Звонила тебе, но не дозвонилась. Напиши, как появится связь.",
    },
    Contact {
        number: crate::world::GUIDE,
        replies: &[
            "Your message came through. Now try a call: dial \"echo\".",
            "Still here. The account \"friend\" can be called too, if somebody is registered there.",
        ],
        missed_you: "While you were away the sandbox kept everything that arrived.",
    },
];

//! Names the application uses for what the endpoint keeps.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(crate) u64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id! {
    /// One call, from the first INVITE to the last response. Never used twice by an endpoint.
    CallId
}
id! {
    /// One account's registration.
    RegistrationId
}
id! {
    /// A message on its way.
    MessageId
}
id! {
    /// A subscription, from the first SUBSCRIBE to its end.
    SubscriptionId
}
id! {
    /// A request handed to the application, to be answered with [`crate::Endpoint::respond`].
    RequestId
}
id! {
    /// A transfer the other side of a call asks for.
    TransferId
}
id! {
    /// A question to the DNS.
    ResolveId
}
id! {
    /// One connection, from the first attempt to its end. Never used twice by an endpoint.
    FlowId
}
id! {
    /// A branch of a call that was forked on its way: each has early media and a session of its own.
    BranchId
}

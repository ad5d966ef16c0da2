# Everything the window says. Keys are grouped by the part of the window that says them.
account-label = Account
account-choose = Account in use
registration-registered = Ready
registration-registering = Connecting…
registration-offline = Offline
registration-retrying = Reconnecting…
registration-password-needed = Password needed
registration-stopped = Not connected
reconnect = Reconnect
connect = Connect
voicemail-new = { $count ->
    [one] { $count } new voice message
   *[other] { $count } new voice messages
}
voicemail-listen = { $count ->
    [one] { $count } new voice message: listen
   *[other] { $count } new voice messages: listen
}
sandbox-badge = Sandbox: no real money, no real phones
password-empty = Enter the password.

storage-title = Your history
storage-choose = This computer has no keyring to keep a key in. Choose a passphrase that closes your history, or keep no history. Tern never keeps it in the clear.
storage-choose-plain = This computer has no keyring to keep a key in, and an earlier version kept your history in the clear. Choose a passphrase to close it with. Without a history, that file stays as it is.
storage-passphrase-needed = Your history is closed with a passphrase.
storage-keyring-closed = The key of your history is in the keyring, which is locked or does not answer.
storage-key-lost = There is a history on this computer, but the keyring has no key for it any more. If you closed it with a passphrase, type it.
storage-passphrase = Passphrase
storage-passphrase-new = New passphrase
storage-passphrase-hint = At least 8 characters. Nobody can open the history without it, and it is asked for at each start.
storage-passphrase-again = The same passphrase again
storage-passphrase-empty = Enter the passphrase.
storage-passphrase-differs = The two passphrases differ. Type them again.
storage-open = Open
storage-ask-keyring = Ask the keyring again
storage-anew = Begin a new history
storage-anew-why = The file that can’t be opened is kept, beside a new history. Messages and calls come again from your provider once you have added your accounts.
storage-anew-keyring = Let the keyring keep the key
storage-back = Back
storage-no-history = Go on without history

numbers-label = Your numbers
numbers-all =
    { $count ->
        [one] Show the number
       *[other] Show all { $count } numbers
    }
numbers-fewer = Show fewer
number-copy = Copy { $number }
copied = Copied
number-renews = renews { $date }
number-not-covered = The balance is too low to renew it on { $date }.
number-ends = ends { $date }
number-ends-soon =
    { $days ->
        [0] Ends today.
        [one] Ends tomorrow.
       *[other] Ends in { $days } days.
    }
number-restorable = Expired. Can be restored until { $date }.
number-restorable-for = Expired. { $price } restores it until { $date }.
number-suspended = Rests until the balance is above zero.
numbers-month = Next 30 days: { $price }
numbers-month-short = Next 30 days: { $price }, more than the balance
number-inactive = not active

balance-label = Balance
balance-stale = As of { $time }; may have changed
add-funds = Add funds
amount-presets = Amounts to choose from
amount-label = Amount, { $currency }
amount-hint = From { $least } to { $most }
amount-no-number = Enter an amount such as 25 or 25.50.
amount-outside = Enter an amount from { $least } to { $most }.
topup-how = Your provider’s payment page opens in your browser. You pay there; Tern never sees your card.
topup-confirm = Continue with { $amount }
topup-confirm-blank = Continue
topup-opened = Pay in your browser
topup-opened-what = Pay only on this page. The balance follows by itself once you have paid; you can close this meanwhile.
topup-reopen = Open again
topup-close = Close
topup-done = Paid. Your balance is up to date.
topup-waiting = { $amount } to be paid at { $host }
topup-paid = { $amount } paid; the balance follows
topup-not-added = The payment was declined or given up; nothing was charged to your balance.
deleted-there =
    The provider has deleted { $deleted ->
        [one] { $deleted } message
       *[other] { $deleted } messages
    }.
deleted-there-partly =
    The provider has deleted { $deleted ->
        [one] { $deleted } message
       *[other] { $deleted } messages
    } and keeps { $refused }.
funds-added = { $amount } added to your balance.

dialer-label = Dial
dial-input = Number, name or address to call
dial-placeholder = Type or paste a number
dial-erase = Erase the last character
dial-call = Call
target-line-mobile = mobile
target-line-toll-free = toll-free
target-line-premium = premium rate
target-line-shared-cost = shared cost
target-minute = { $price } a minute
target-free = free
target-no-price = price not known
target-price-old = As the provider said on { $date }
target-minutes =
    { $count ->
        [0] not enough for a minute
        [one] enough for { $count } minute
       *[other] enough for { $count } minutes
    }
target-shown = They see { $number }
target-hidden-withheld = They don’t see your number: you withhold it.
target-hidden-service-off = They don’t see your number: its caller ID is off.
target-hidden-other-country = They don’t see your number: it shows only in its own country.
target-hidden-provider-says = They don’t see your number: your provider shows another, or none.
echo-test = Call the echo test
keypad = Keypad

call-label = Call
call-none = Getting the call ready…
call-controls = Call controls
call-mute = Mute
call-unmute = Unmute
call-hold = Hold
call-resume = Resume
call-transfer = Transfer
call-record = Record
call-record-stop = Stop recording
call-recording = Recording
call-join = Join calls
call-split = Talk alone
call-joined = Conference of { $count } calls on this computer
call-short-joined = in the conference
security-full = Encrypted
security-keys = Encrypted, but the keys travelled unprotected
security-none = Not encrypted
call-hangup = Hang up
call-again = Call again
call-return = Return to call
calls-list = Calls
call-state-outgoing-dialing = Dialing…
call-state-outgoing-ringing = Ringing…
call-state-outgoing-connecting = Connecting…
call-state-outgoing-connected = Connected
call-state-outgoing-redirected = Can be reached elsewhere. Call there?
call-state-incoming-dialing = Incoming call
call-state-incoming-ringing = Incoming call
call-state-incoming-connecting = Connecting…
call-state-incoming-connected = Connected
call-state-incoming-redirected = Incoming call
call-held-here = On hold
call-held-there = The other side put you on hold
call-held-both = On hold on both sides
call-diverted = Forwarded by { $name }
transfer-title = Transfer { $name }
transfer-to = To whom
transfer-hint = Number, name or address. They are connected at once; you leave the call.
transfer-empty = Type a number, name or address.
transfer-now = Transfer now
transfer-join = Connect with { $name }
transfer-ask-first = Ask them first: hold this call and dial
transfer-asked = Transferring to { $name }…
transfer-trying = Calling { $name }…
transfer-ringing = It rings at { $name }…
transfer-done = Transferred to { $name }
transfer-failed = { $name } could not be reached; your call is still here.
transfer-wanted = { $from } asks you to talk to { $to } instead.
transfer-accept = Call
transfer-refuse = Stay here
redirect-list = Where else
redirect-follow = Call { $name }
call-short-dialing = dialing
call-short-ringing = ringing
call-short-connecting = connecting
call-short-connected = connected
call-short-held = on hold
call-short-redirected = elsewhere
call-short-ended = ended
call-ended-by-local = You hung up
call-ended-by-remote = The other side hung up
call-ended-by-network = The connection was lost
call-ended-missed = Missed
call-ended-declined = Declined
call-ended-busy = Busy
call-ended-unanswered = Not answered
call-ended-failed = The call did not go through
level-in = Your microphone
level-out = The other side
quality-good = Good sound
quality-fair = Fair sound
quality-poor = Poor sound
quality-mos = Rating (1 to 4.5)
quality-loss = Packets lost
quality-concealed = Sound made up
quality-delay = Mouth to ear
quality-jitter = Jitter
quality-gaps = Gaps of this computer
quality-unusable = Unusable packets
quality-ways = Connection found anew
quality-ms = { $ms } ms
quality-side-here = The network loses part of what { $name } says.
quality-side-there = { $name } hears you badly: part of what you say is lost on the way.
quality-side-both = The network loses sound both ways.
silence-microphone-here = Your microphone gives no sound. Is it plugged in and switched on? Choose another one in the settings.
silence-muted-there = { $name } has muted the microphone.
silence-microphone-there = { $name }’s microphone gives no sound.
silence-blocked-path = Nothing of { $name }’s sound arrives. A firewall on the way may block it.
round-trip = { $ms } ms delay
incoming = Incoming call
incoming-on = Incoming call on { $number }
incoming-hold-answer = Hold and answer
incoming-answer = Answer
incoming-decline = Decline
incoming-keys = Alt+A answers, Alt+D declines

activity = Recent Activity
activity-search = Search
activity-search-close = Close the search
activity-search-placeholder = Words, names, numbers
activity-found =
    { $count ->
        [one] { $count } found
       *[other] { $count } found
    }
activity-found-more = The newest { $count }
activity-none-found = Nothing found
activity-none-found-what = Try fewer or shorter words: each may be the beginning of one.
activity-loading = Loading Recent Activity
activity-empty = Nothing here yet
activity-empty-what = Messages, calls and payments appear here as they happen.
activity-empty-filter = Nothing of this kind
new-message = New message
calls-seen = Mark as seen
filter = Show
filter-all = All
filter-sms = SMS
filter-calls = Calls
filter-money = Money
unread = Not seen yet
today = Today
yesterday = Yesterday
history-loading = Loading older activity… { $rows }
history-loading-of = Loading older activity… { $rows } of { $total }
load-older = Load older
retry = Retry
stale-since = Last updated at { $time }.
row-call-incoming-answered = Incoming call
row-call-incoming-missed = Missed call
row-call-incoming-declined = Declined call
row-call-incoming-busy = Missed while busy
row-call-incoming-unanswered = Missed call
row-call-incoming-failed = Incoming call failed
row-call-outgoing-answered = Outgoing call
row-call-outgoing-missed = Not answered
row-call-outgoing-declined = Declined
row-call-outgoing-busy = Busy
row-call-outgoing-unanswered = Not answered
row-call-outgoing-failed = Call failed
row-voicemail = voicemail { $time }
voicemail-play = Play the voice message
row-gap = Something may be missing
row-gap-since = Since { $since } until here, Tern was off for longer than the provider keeps its records.
row-money-order = Number ordered
row-money-renewal = Number renewed
row-money-restore = Number restored
row-money-call = Call charge
row-money-sms = SMS charge
row-money-top-up = Funds added
row-money-cashback = Cashback
row-money-refund = Refund
row-money-adjustment = Adjustment
row-sms-received = Received:
row-sms-queued = Waiting:
row-sms-sending = Sending:
row-sms-sent = You:
row-sms-delivered = You:
row-sms-failed = Not sent:
row-sms-unknown = Unclear:

thread-with = Conversation with { $peer }
thread-via = on { $number }
thread-call = Call
thread-log = Messages and calls
thread-loading = Opening the conversation
thread-no-reply = This sender is a name, not a number, so it takes no reply.
back = Back
composer = Message
composer-placeholder = Write a message
composer-hint = Enter sends, Shift+Enter starts a line
composer-size =
    { $parts } SMS, { $left } { $left ->
        [one] character
       *[other] characters
    } left
composer-left-hour = { $count } more this hour
composer-left-day = { $count } more today
composer-next = leaves at { $time }
send = Send
sms-state-received = Received
sms-state-queued = Waiting
sms-leaves-at = Leaves at { $time }
sms-leaves-on = Leaves on { $day } at { $time }
sms-state-sending = Sending
sms-state-sent = Sent
sms-state-delivered = Delivered
sms-state-failed = Not sent
sms-state-unknown = Not known
sms-why-failed = This message was not sent.
sms-why-unknown = It is not known whether this arrived. Tern is looking it up and will not send it twice.
message-retry = Send again
compose-to = To
compose-from = From your number
compose-no-number = No number that sends SMS
compose-no-number-what = This account has no number that can send messages.

settings = Settings
settings-accounts = Accounts
settings-general = General
settings-language = Language
settings-appearance = Appearance
settings-sound = Sound
settings-microphone = Microphone
settings-speaker = Speaker
settings-ringer = Ringer
sound-check = Test microphone
sound-check-stop = Stop
sound-check-hint = Speak, and hear yourself a second later.
sound-check-going = Speak now. Nothing heard? Choose another microphone or loudspeaker above.
level-back = What you hear
settings-ring-everywhere = Ring on all loudspeakers
settings-ring-everywhere-hint = A call is heard even when the headset lies on the table.
settings-echo = Remove echo
settings-echo-hint = Keeps the other side from hearing itself through your loudspeaker.
settings-noise = Reduce noise
settings-noise-hint = Takes out fans, traffic and the like.
settings-gain = Even out my voice
settings-gain-hint = Makes a quiet microphone louder and a loud one softer.
settings-calls = Calls
settings-hold = Others hear while on hold
settings-hold-music = Music
settings-hold-silence = Quiet
settings-hold-file = A sound file
settings-hold-path = Sound file
settings-hold-path-hint = WAV or Opus, played over and over.
settings-record-format = Recordings
settings-record-wav = WAV (11 MB a minute)
settings-record-opus = Opus (0.4 MB a minute)
settings-record-tone = Beep while recording
settings-record-tone-hint = Both sides hear it. In many places people must know that they are recorded.
settings-recordings-folder = Folder for recordings
settings-recordings-folder-hint = Empty: the usual one.
settings-network = Network
settings-ports = UDP ports for sound
settings-ports-hint = Only if a firewall wants it. Each call takes two.
settings-ports-wrong = Two numbers from 1024 to 65535, such as 10000-10100.
settings-notifications = Notifications
settings-show-text = Show the text of messages
settings-show-text-hint = Otherwise a notification tells only who wrote.
settings-code = Copied codes stay in the clipboard
settings-code-30 = 30 seconds
settings-code-60 = 1 minute
settings-code-300 = 5 minutes
settings-code-never = Until something else is copied
code-copy = Copy { $code }
code-copied = Copied
settings-quiet = Quiet
settings-quiet-all = Do not disturb
settings-quiet-all-hint = Nothing rings and no notification is shown. What comes meanwhile is in Recent Activity.
settings-quiet-favourites = Favourites ring all the same
settings-quiet-favourites-hint = Calls of people with a star in Contacts.
settings-quiet-number = Silence { $number }
settings-quiet-hours = Quiet hours
settings-quiet-from = From
settings-quiet-to = Until
settings-quiet-remove = Remove these quiet hours
settings-quiet-days = Days on which they begin
settings-quiet-for = For
settings-quiet-every = Every number
settings-quiet-zone = By the clock
settings-quiet-zone-here = where I am
settings-quiet-zone-number = of the number's country
settings-quiet-add = Add quiet hours
settings-quiet-day-monday = Mon
settings-quiet-day-tuesday = Tue
settings-quiet-day-wednesday = Wed
settings-quiet-day-thursday = Thu
settings-quiet-day-friday = Fri
settings-quiet-day-saturday = Sat
settings-quiet-day-sunday = Sun
as-system = Follow the desktop
appearance-light = Light
appearance-dark = Dark
device-default = System default
device-default-named = System default ({ $name })
device-in-use = Calls use { $name } meanwhile.
device-missing = Chosen device (not plugged in)

account-add = Add SIP account
account-add-lead = Your provider gives you a user name, a domain and a password.
account-user = User name
account-user-empty = Enter the user name.
account-user-wrong = Only the part before the @, without spaces.
account-domain = Domain
account-domain-empty = Enter the domain.
account-domain-wrong = That is not a domain, such as sip.example.net.
account-password = Password
account-proxy = Proxy (optional)
account-proxy-hint = Host or host:port, where it is not the domain; several separated by commas.
account-proxy-wrong = That is not a host or host:port.
account-more = More about the connection
account-transport = Connection
transport-auto = Automatic
transport-udp = UDP
transport-tcp = TCP
transport-tls = TLS (encrypted)
account-ca-file = CA file (optional)
account-ca-file-hint = For a private exchange: the file with the authority that signed its certificate.
account-sound = Sound and encryption of calls
account-sound-of = Sound and encryption: { $name }
account-sound-when = Counts from the next call on.
save = Save
media-security = Encryption
media-security-off = Off
media-security-preferred = Where possible
media-security-required = Always
media-keying = Keys
media-keying-auto = Automatic
media-keying-sdes = SDES
media-keying-dtls = DTLS
media-codecs = Codecs (optional)
media-codecs-hint = In order of preference. Empty: opus, G722, PCMU, PCMA.
media-codecs-wrong = Tern knows opus, G722, PCMU, PCMA and G729.
media-packet = Packet length
media-packet-usual = As usual (20 ms)
media-dtmf = Keypad tones
media-dtmf-auto = Automatic
media-dtmf-rfc4733 = As events (RFC 4733)
media-dtmf-info = In the signalling (INFO)
media-dtmf-inband = As sound
media-ice = Look for a way through firewalls
media-ice-hint = ICE. Only where your provider has it.
media-stun = STUN server (optional)
media-turn = TURN server (optional)
media-turn-user = TURN user
media-turn-password = TURN password
account-name = Name (optional)
account-name-hint = What to call it in this window.
provider = Provider
provider-none = Any SIP account
provider-voipms = VoIP.ms
provider-telnyx = Telnyx
provider-twilio = Twilio (SMS first)
provider-signalwire = SignalWire (SMS first)
provider-zadarma = Zadarma
provider-tern = Another, by Tern’s provider API
provider-voipms-has = Balance, numbers, SMS and MMS, call log, rates, voicemail. Calls go over your first sub-account. VoIP.ms answers only internet addresses that you allow in its portal.
provider-telnyx-has = Balance, numbers, SMS with texts of the last 10 days, call log. Calls go over your first telephony credential. No prices in advance.
provider-twilio-has = Balance, numbers, SMS, call log, prices. No telephone: Twilio hands out no SIP account, so calls need one of your own.
provider-signalwire-has = Numbers, SMS, call log. No balance and no prices, and calls need a SIP account of your own.
provider-zadarma-has = Balance, numbers, call log, prices, sending SMS. No inbox: Zadarma’s API does not hand out received SMS.
provider-tern-has = Whatever the provider offers.
provider-url = Address of the API or space
provider-url-empty = Enter the address.
provider-user = { $provider ->
    [voipms] E-mail address you sign in with
    [twilio] Account SID
    [signalwire] Project ID
   *[other] API key
}
provider-field-empty = Fill this in.
provider-token = { $provider ->
    [voipms] API password
    [twilio] Auth token
    [telnyx] API key
    [zadarma] API secret
   *[other] API token
}
account-own-sip = Another SIP account for calls
account-add-submit = Add account
account-remove = Remove { $name }
account-remove-what = Tern disconnects it and deletes its password and its history from this computer. Your provider keeps the numbers, the balance and its own records.
account-remove-confirm = Remove account
accounts-none = No account yet.

welcome-title = Ready when you are
welcome-what = Open a conversation, or just start typing a number. The echo test repeats what you say, so you know you are heard.
welcome-first-title = Welcome to Tern
welcome-first-what = Add your SIP account to call and write from your numbers.

side-label = Account and dial pad
tabs-label = Parts of the window
tab-phone = Phone
tab-activity = Activity
close = Close
cancel = Cancel
dismiss = Dismiss
link-broken = Tern’s engine does not answer.
playing = Playing
playing-how-far = How far it got
playing-stop = Stop playing
recording-play = Play the recording
away = While you were away: { $what }.
away-messages =
    { $messages } { $messages ->
        [one] message
       *[other] messages
    } from { $people } { $people ->
        [one] person
       *[other] people
    }
away-calls =
    { $calls } missed { $calls ->
        [one] call
       *[other] calls
    }

tab-contacts = Contacts
more = More
contacts = Contacts
contacts-search = Search the contacts
contacts-search-placeholder = Name or number
contacts-empty = No contacts yet
contacts-empty-what = Add people yourself, or import a vCard file from your phone or address book.
contacts-more = Import and export
contacts-import = Import vCards…
contacts-import-large = This file is too large to be an address book.
contacts-export = Export all…
contacts-export-title = Export contacts
contacts-file = contacts
contacts-imported = Contacts imported
contacts-imported-added =
    { $count ->
        [one] { $count } contact added
       *[other] { $count } contacts added
    }
contacts-imported-changed =
    { $count ->
        [one] { $count } contact changed
       *[other] { $count } contacts changed
    }
contacts-imported-same =
    { $count ->
        [one] { $count } contact was there already
       *[other] { $count } contacts were there already
    }
contacts-imported-unreadable =
    { $count ->
        [one] { $count } card could not be read: it has no name or no number (line { $lines })
       *[other] { $count } cards could not be read: they have no name or no number (lines { $lines })
    }
contacts-imported-none = There is no contact in this file.
contacts-exported =
    { $count ->
        [one] { $count } contact is in { $path }.
       *[other] { $count } contacts are in { $path }.
    }
contact-new = New contact
contact-show = Show contact
contact-add-number = Add to contacts
contact-copy = Copy number
contact-edit = Edit
contact-edit-title = Edit contact
contact-favourite = { $name } is a favourite
contact-name = Name
contact-name-empty = Enter a name.
contact-number = Number
contact-number-more = Number { $place }
contact-number-empty = Enter a number.
contact-number-add = Add another number
contact-number-remove = Remove this number
contact-kind = What the number is for
contact-kind-other = Other
contact-kind-cell = Mobile
contact-kind-home = Home
contact-kind-work = Work
contact-kind-fax = Fax
contact-kind-pager = Pager
contact-note = Note
contact-write = Message
contact-write-to = Write to { $number }
contact-remove = Delete contact
contact-remove-title = Delete { $name }?
contact-remove-what = Conversations and calls stay; they show the number instead of the name.
block = Block
block-menu = Block…
block-title = Block { $name }?
block-what = Calls are turned down and messages kept aside, both without a word to anybody. You find them in the settings, under Blocked numbers.
block-spam = It sends spam
block-spam-hint = Marked as such in the list of blocked numbers.
block-number = Block { $number }
blocked = Blocked numbers
blocked-count =
    { $count ->
        [0] Nobody is blocked
        [one] { $count } number
       *[other] { $count } numbers
    }
blocked-show = Show
blocked-none = Nobody is blocked
blocked-none-what = Block a number from its conversation, and its calls and messages come here without a sound.
blocked-mark = blocked
blocked-as-spam = blocked as spam
blocked-since = Blocked since { $day }
blocked-spam-since = Spam, blocked since { $day }
blocked-came = Calls and messages from them
blocked-activity-none = Nothing so far.
unblock = Unblock
unblock-number = Unblock { $number }
thread-blocked = You blocked this number.
thread-blocked-spam = You blocked this number as spam.
thread-delete = Delete
thread-delete-menu = Delete conversation…
thread-delete-title = Delete the conversation with { $name }?
thread-delete-what = Its messages and calls go from this computer and do not come back. Messages that wait to be sent are still sent.
thread-delete-stays = Your provider keeps its own records.
thread-delete-there = Delete the messages at the provider too
thread-delete-there-hint = They are deleted there one after the other. Calls stay in its log.

settings-kept = Your data
export-format = Export as
export-json = JSON (everything)
export-csv = CSV (for spreadsheets)
export-json-what = Messages, calls and payments, with contacts, blocked numbers, drafts and settings. No passwords.
export-csv-what = Messages, calls, payments and drafts as one table.
export-write = Export…
export-done = In { $path }: { $what }.
export-rows =
    { $count ->
        [one] { $rows } message, call or payment
       *[other] { $rows } messages, calls and payments
    }
export-contacts =
    { $count ->
        [one] { $count } contact
       *[other] { $count } contacts
    }
export-blocked =
    { $count ->
        [one] { $count } blocked number
       *[other] { $count } blocked numbers
    }
export-drafts =
    { $count ->
        [one] { $count } draft
       *[other] { $count } drafts
    }
search-repair = The search misses something?
search-repair-what = Its index can be made anew from what is kept. Nothing is lost by it.
search-repair-now = Make the index anew
search-repaired = The index is being made anew.

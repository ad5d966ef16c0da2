# What the desktop shows outside of the window: notifications and the tray.

notify-call-title = { $name } is calling
notify-call-body = Incoming call to { $number }
notify-call-body-plain = Incoming call
notify-answer = Answer
notify-decline = Decline

notify-missed-title = Missed call
notify-missed-body = { $name }

notify-sms-title = { $name }
notify-sms-hidden = New message
notify-copy-code = Copy code
notify-reply = Reply
notify-reply-placeholder = Message

notify-away-title = While you were away
notify-away-messages = { $messages ->
    [one] { $messages } message
   *[other] { $messages } messages
}
notify-away-people = { $people ->
    [one] from { $people } person
   *[other] from { $people } people
}
notify-away-missed = { $calls ->
    [one] { $calls } missed call
   *[other] { $calls } missed calls
}

notify-funds-title = Funds added
notify-funds-body = { $amount } { $currency } is on your balance
notify-no-funds-title = No funds added
notify-no-funds-body = The payment was declined or given up. Your balance has not changed.

notify-trouble-title = Tern needs your attention

tray-open = Open Tern
tray-quit = Quit
tray-answer = Answer
tray-hang-up = Hang up
tray-registered = { $account }: ready for calls
tray-registering = { $account }: connecting…
tray-offline = { $account }: offline
tray-trouble = { $account }: needs attention
tray-no-account = No account
tray-unread = { $count ->
    [one] { $count } unread
   *[other] { $count } unread
}
call-anonymous = Anonymous

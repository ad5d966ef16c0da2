# То, что видно на рабочем столе вне окна: уведомления и значок в области уведомлений.

notify-call-title = Звонит { $name }
notify-call-body = Входящий звонок на { $number }
notify-call-body-plain = Входящий звонок
notify-answer = Ответить
notify-decline = Отклонить

notify-missed-title = Пропущенный звонок
notify-missed-body = { $name }

notify-sms-title = { $name }
notify-sms-hidden = Новое сообщение
notify-copy-code = Скопировать код
notify-reply = Ответить
notify-reply-placeholder = Сообщение

notify-away-title = Пока вас не было
notify-away-messages = { $messages ->
    [one] { $messages } сообщение
    [few] { $messages } сообщения
   *[many] { $messages } сообщений
}
notify-away-people = { $people ->
    [one] от { $people } человека
   *[many] от { $people } человек
}
notify-away-missed = { $calls ->
    [one] { $calls } пропущенный звонок
    [few] { $calls } пропущенных звонка
   *[many] { $calls } пропущенных звонков
}

notify-funds-title = Баланс пополнен
notify-funds-body = { $amount } { $currency } зачислены на баланс
notify-no-funds-title = Баланс не пополнен
notify-no-funds-body = Платёж отклонён или отменён. Баланс не изменился.

notify-trouble-title = Tern требует внимания

tray-open = Открыть Tern
tray-quit = Выйти
tray-answer = Ответить
tray-hang-up = Завершить
tray-registered = { $account }: готов к звонкам
tray-registering = { $account }: подключение…
tray-offline = { $account }: не в сети
tray-trouble = { $account }: требует внимания
tray-no-account = Нет учётной записи
tray-unread = { $count ->
    [one] { $count } непрочитанное
   *[many] { $count } непрочитанных
}
call-anonymous = Номер скрыт

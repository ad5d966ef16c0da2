# Всё, что говорит окно, по его частям.
account-label = Аккаунт
account-choose = Используемый аккаунт
registration-registered = Готов
registration-registering = Подключение…
registration-offline = Не в сети
registration-retrying = Переподключение…
registration-password-needed = Нужен пароль
registration-stopped = Не подключён
reconnect = Подключиться снова
connect = Подключиться
voicemail-new = { $count ->
    [one] { $count } новое голосовое сообщение
    [few] { $count } новых голосовых сообщения
   *[other] { $count } новых голосовых сообщений
}
voicemail-listen = { $count ->
    [one] { $count } новое голосовое сообщение: прослушать
    [few] { $count } новых голосовых сообщения: прослушать
   *[other] { $count } новых голосовых сообщений: прослушать
}
sandbox-badge = Песочница: деньги и телефоны не настоящие
password-empty = Введите пароль.

storage-title = Ваша история
storage-choose = На этом компьютере нет связки ключей, где можно хранить ключ. Придумайте парольную фразу, которая закроет историю, или работайте без истории. Tern никогда не хранит её в открытом виде.
storage-choose-plain = На этом компьютере нет связки ключей, где можно хранить ключ, а прежняя версия хранила историю в открытом виде. Придумайте парольную фразу, чтобы закрыть её. Без истории этот файл останется как есть.
storage-passphrase-needed = История закрыта парольной фразой.
storage-keyring-closed = Ключ от истории лежит в связке ключей, а она заперта или не отвечает.
storage-key-lost = На этом компьютере есть история, но ключа от неё в связке больше нет. Если вы закрывали её парольной фразой, введите её.
storage-passphrase = Парольная фраза
storage-passphrase-new = Новая парольная фраза
storage-passphrase-hint = Не меньше 8 символов. Без неё историю не откроет никто; её нужно вводить при каждом запуске.
storage-passphrase-again = Та же парольная фраза ещё раз
storage-passphrase-empty = Введите парольную фразу.
storage-passphrase-differs = Фразы не совпадают. Введите их снова.
storage-open = Открыть
storage-ask-keyring = Спросить связку ключей ещё раз
storage-anew = Начать новую историю
storage-anew-why = Файл, который не открывается, останется рядом с новой историей. Сообщения и звонки снова придут от провайдера, когда вы добавите учётные записи.
storage-anew-keyring = Хранить ключ в связке ключей
storage-back = Назад
storage-no-history = Продолжить без истории

numbers-label = Ваши номера
numbers-all =
    { $count ->
        [one] Показать { $count } номер
        [few] Показать { $count } номера
       *[other] Показать { $count } номеров
    }
numbers-fewer = Показать меньше
number-copy = Скопировать { $number }
copied = Скопировано
number-renews = продление { $date }
number-not-covered = Баланса не хватит на продление { $date }.
number-ends = действует до { $date }
number-ends-soon =
    { $days ->
        [0] Действует последний день.
        [one] Действует ещё { $days } день.
        [few] Действует ещё { $days } дня.
       *[other] Действует ещё { $days } дней.
    }
number-restorable = Истёк. Можно восстановить до { $date }.
number-restorable-for = Истёк. Восстановление до { $date } стоит { $price }.
number-suspended = Отключён, пока баланс не станет положительным.
numbers-month = Ближайшие 30 дней: { $price }
numbers-month-short = Ближайшие 30 дней: { $price }, больше баланса
number-inactive = не активен

balance-label = Баланс
balance-stale = На { $time }, мог измениться
add-funds = Пополнить
amount-presets = Суммы на выбор
amount-label = Сумма, { $currency }
amount-hint = От { $least } до { $most }
amount-no-number = Введите сумму, например 25 или 25,50.
amount-outside = Введите сумму от { $least } до { $most }.
topup-how = Страница оплаты оператора откроется в браузере. Вы платите там; Tern не видит вашу карту.
topup-confirm = Продолжить: { $amount }
topup-confirm-blank = Продолжить
topup-opened = Оплатите в браузере
topup-opened-what = Платите только на этой странице. Баланс обновится сам после оплаты; это окно можно закрыть.
topup-reopen = Открыть снова
topup-close = Закрыть
topup-done = Оплачено. Баланс обновлён.
topup-waiting = { $amount } ждут оплаты на { $host }
topup-paid = { $amount } оплачены, баланс обновится
topup-not-added = Платёж отклонён или отменён; баланс не изменился.
deleted-there =
    Провайдер удалил { $deleted ->
        [one] { $deleted } сообщение
        [few] { $deleted } сообщения
       *[other] { $deleted } сообщений
    }.
deleted-there-partly =
    Провайдер удалил { $deleted ->
        [one] { $deleted } сообщение
        [few] { $deleted } сообщения
       *[other] { $deleted } сообщений
    } и оставил { $refused }.
funds-added = Баланс пополнен на { $amount }.

dialer-label = Набор номера
dial-input = Номер, имя или адрес для звонка
dial-placeholder = Введите или вставьте номер
dial-erase = Стереть последний знак
dial-call = Позвонить
target-line-mobile = мобильный
target-line-toll-free = бесплатная линия
target-line-premium = платный номер
target-line-shared-cost = оплата пополам
target-minute = { $price } за минуту
target-free = бесплатно
target-no-price = цена неизвестна
target-price-old = По данным оператора от { $date }
target-minutes =
    { $count ->
        [0] не хватит на минуту
        [one] хватит на { $count } минуту
        [few] хватит на { $count } минуты
       *[other] хватит на { $count } минут
    }
target-shown = Собеседник увидит { $number }
target-hidden-withheld = Ваш номер не виден: вы его скрываете.
target-hidden-service-off = Ваш номер не виден: показ номера для него выключен.
target-hidden-other-country = Ваш номер не виден: он показывается только в своей стране.
target-hidden-provider-says = Ваш номер не виден: оператор покажет другой или никакого.
echo-test = Позвонить на эхо-тест
keypad = Клавиши

call-label = Звонок
call-none = Готовим звонок…
call-controls = Управление звонком
call-mute = Выкл. микрофон
call-unmute = Вкл. микрофон
call-hold = Удержать
call-resume = Вернуться
call-transfer = Перевести
call-record = Записать
call-record-stop = Остановить запись
call-recording = Идёт запись
call-join = Объединить вызовы
call-split = Поговорить отдельно
call-joined = Конференция на этом компьютере, вызовов: { $count }
call-short-joined = в конференции
security-full = Зашифровано
security-keys = Зашифровано, но ключи переданы без защиты
security-none = Не зашифровано
call-hangup = Завершить
call-again = Позвонить снова
call-return = К звонку
calls-list = Звонки
call-state-outgoing-dialing = Набираем…
call-state-outgoing-ringing = Идут гудки…
call-state-outgoing-connecting = Соединяем…
call-state-outgoing-connected = На связи
call-state-outgoing-redirected = Отвечает по другому адресу. Позвонить туда?
call-state-incoming-dialing = Входящий звонок
call-state-incoming-ringing = Входящий звонок
call-state-incoming-connecting = Соединяем…
call-state-incoming-connected = На связи
call-state-incoming-redirected = Входящий звонок
call-held-here = На удержании
call-held-there = Собеседник поставил вас на удержание
call-held-both = Удержание с обеих сторон
call-diverted = Переадресовано: { $name }
transfer-title = Перевести: { $name }
transfer-to = Кому
transfer-hint = Номер, имя или адрес. Их соединят сразу, вы выйдете из разговора.
transfer-empty = Введите номер, имя или адрес.
transfer-now = Перевести сейчас
transfer-join = Соединить с { $name }
transfer-ask-first = Сначала спросить: удержать и набрать номер
transfer-asked = Перевод на { $name }…
transfer-trying = Набираем { $name }…
transfer-ringing = Звонит у { $name }…
transfer-done = Переведено на { $name }
transfer-failed = { $name } недоступен; ваш разговор остаётся здесь.
transfer-wanted = { $from } просит вас поговорить с { $to }.
transfer-accept = Позвонить
transfer-refuse = Остаться
redirect-list = Куда ещё
redirect-follow = Позвонить: { $name }
call-short-dialing = набор
call-short-ringing = гудки
call-short-connecting = соединение
call-short-connected = на связи
call-short-held = на удержании
call-short-redirected = в другом месте
call-short-ended = завершён
call-ended-by-local = Вы завершили звонок
call-ended-by-remote = Собеседник завершил звонок
call-ended-by-network = Связь прервалась
call-ended-missed = Пропущен
call-ended-declined = Отклонён
call-ended-busy = Занято
call-ended-unanswered = Без ответа
call-ended-failed = Звонок не состоялся
level-in = Ваш микрофон
level-out = Собеседник
quality-good = Хороший звук
quality-fair = Средний звук
quality-poor = Плохой звук
quality-mos = Оценка (от 1 до 4,5)
quality-loss = Потеряно пакетов
quality-concealed = Восстановлено звука
quality-delay = Задержка речи
quality-jitter = Джиттер
quality-gaps = Пропуски компьютера
quality-unusable = Непригодные пакеты
quality-ways = Соединение найдено заново
quality-ms = { $ms } мс
quality-side-here = Часть слов собеседника ({ $name }) теряется в сети.
quality-side-there = Вас плохо слышно: часть ваших слов теряется по пути к собеседнику ({ $name }).
quality-side-both = Звук теряется в сети в обе стороны.
silence-microphone-here = Ваш микрофон не даёт звука. Подключён ли он и включён? Другой можно выбрать в настройках.
silence-muted-there = Собеседник ({ $name }) выключил микрофон.
silence-microphone-there = Микрофон собеседника ({ $name }) не даёт звука.
silence-blocked-path = Звук собеседника ({ $name }) не доходит. Возможно, его блокирует брандмауэр.
round-trip = задержка { $ms } мс
incoming = Входящий звонок
incoming-on = Входящий звонок на { $number }
incoming-hold-answer = Удержать и ответить
incoming-answer = Ответить
incoming-decline = Отклонить
incoming-keys = Alt+A — ответить, Alt+D — отклонить

activity = Недавние события
activity-search = Поиск
activity-search-close = Закрыть поиск
activity-search-placeholder = Слова, имена, номера
activity-found =
    { $count ->
        [one] Найдена { $count } запись
        [few] Найдено { $count } записи
       *[other] Найдено { $count } записей
    }
activity-found-more = Последние { $count }
activity-none-found = Ничего не найдено
activity-none-found-what = Попробуйте меньше слов или короче: каждое может быть началом слова.
activity-loading = Загружаем недавние события
activity-empty = Пока ничего нет
activity-empty-what = Здесь появятся сообщения, звонки и платежи.
activity-empty-filter = Такого пока нет
new-message = Новое сообщение
calls-seen = Отметить виденными
filter = Показать
filter-all = Все
filter-sms = SMS
filter-calls = Звонки
filter-money = Деньги
unread = Ещё не просмотрено
today = Сегодня
yesterday = Вчера
history-loading = Загружаем более ранние события… { $rows }
history-loading-of = Загружаем более ранние события… { $rows } из { $total }
load-older = Показать более ранние
retry = Повторить
stale-since = Обновлено в { $time }.
row-call-incoming-answered = Входящий звонок
row-call-incoming-missed = Пропущенный звонок
row-call-incoming-declined = Отклонённый звонок
row-call-incoming-busy = Пропущен: линия занята
row-call-incoming-unanswered = Пропущенный звонок
row-call-incoming-failed = Входящий не соединился
row-call-outgoing-answered = Исходящий звонок
row-call-outgoing-missed = Без ответа
row-call-outgoing-declined = Отклонён
row-call-outgoing-busy = Занято
row-call-outgoing-unanswered = Без ответа
row-call-outgoing-failed = Звонок не удался
row-voicemail = голосовое { $time }
voicemail-play = Прослушать голосовое сообщение
row-gap = Здесь может чего-то не хватать
row-gap-since = С { $since } до этого места Tern был выключен дольше, чем оператор хранит записи.
row-money-order = Заказ номера
row-money-renewal = Продление номера
row-money-restore = Восстановление номера
row-money-call = Оплата звонка
row-money-sms = Оплата SMS
row-money-top-up = Пополнение
row-money-cashback = Кешбэк
row-money-refund = Возврат
row-money-adjustment = Корректировка
row-sms-received = Получено:
row-sms-queued = Ожидает:
row-sms-sending = Отправляется:
row-sms-sent = Вы:
row-sms-delivered = Вы:
row-sms-failed = Не отправлено:
row-sms-unknown = Неизвестно:

thread-with = Переписка: { $peer }
thread-via = номер: { $number }
thread-call = Позвонить
thread-log = Сообщения и звонки
thread-loading = Открываем переписку
thread-no-reply = Отправитель — имя, а не номер, поэтому ответить нельзя.
back = Назад
composer = Сообщение
composer-placeholder = Напишите сообщение
composer-hint = Enter — отправить, Shift+Enter — новая строка
composer-size =
    { $parts } SMS, { $left ->
        [one] остался { $left } символ
        [few] осталось { $left } символа
       *[other] осталось { $left } символов
    }
composer-left-hour = в этот час ещё { $count }
composer-left-day = сегодня ещё { $count }
composer-next = уйдёт в { $time }
send = Отправить
sms-state-received = Получено
sms-state-queued = Ожидает
sms-leaves-at = Уйдёт в { $time }
sms-leaves-on = Уйдёт { $day } в { $time }
sms-state-sending = Отправляется
sms-state-sent = Отправлено
sms-state-delivered = Доставлено
sms-state-failed = Не отправлено
sms-state-unknown = Неизвестно
sms-why-failed = Это сообщение не отправлено.
sms-why-unknown = Неизвестно, дошло ли оно. Tern это выясняет и не отправит дважды.
message-retry = Отправить снова
compose-to = Кому
compose-from = С вашего номера
compose-no-number = Нет номера для SMS
compose-no-number-what = У этого аккаунта нет номера, с которого можно писать.

settings = Настройки
settings-accounts = Аккаунты
settings-general = Общие
settings-language = Язык
settings-appearance = Оформление
settings-sound = Звук
settings-microphone = Микрофон
settings-speaker = Динамик
settings-ringer = Сигнал вызова
sound-check = Проверить микрофон
sound-check-stop = Остановить
sound-check-hint = Говорите — и через секунду услышите себя.
sound-check-going = Говорите. Ничего не слышно? Выберите выше другой микрофон или динамик.
level-back = Что слышите вы
settings-ring-everywhere = Звонок на всех динамиках
settings-ring-everywhere-hint = Вызов слышно, даже если гарнитура лежит на столе.
settings-echo = Убирать эхо
settings-echo-hint = Собеседник не слышит себя через ваш динамик.
settings-noise = Приглушать шум
settings-noise-hint = Вентиляторы, улица и тому подобное.
settings-gain = Выравнивать голос
settings-gain-hint = Тихий микрофон звучит громче, громкий — мягче.
settings-calls = Вызовы
settings-hold = На удержании собеседник слышит
settings-hold-music = Музыку
settings-hold-silence = Тишину
settings-hold-file = Звуковой файл
settings-hold-path = Звуковой файл
settings-hold-path-hint = WAV или Opus, играет по кругу.
settings-record-format = Записи
settings-record-wav = WAV (11 МБ в минуту)
settings-record-opus = Opus (0,4 МБ в минуту)
settings-record-tone = Сигнал во время записи
settings-record-tone-hint = Его слышат обе стороны. Во многих странах о записи нужно предупреждать.
settings-recordings-folder = Папка для записей
settings-recordings-folder-hint = Пусто: обычная папка.
settings-network = Сеть
settings-ports = UDP-порты для звука
settings-ports-hint = Только если этого требует брандмауэр. Каждый вызов занимает два.
settings-ports-wrong = Два числа от 1024 до 65535, например 10000-10100.
settings-notifications = Уведомления
settings-show-text = Показывать текст сообщений
settings-show-text-hint = Иначе в уведомлении видно лишь, кто написал.
settings-code = Скопированный код остаётся в буфере обмена
settings-code-30 = 30 секунд
settings-code-60 = 1 минуту
settings-code-300 = 5 минут
settings-code-never = Пока не скопировано другое
code-copy = Скопировать { $code }
code-copied = Скопировано
settings-quiet = Тишина
settings-quiet-all = Не беспокоить
settings-quiet-all-hint = Ничего не звонит, уведомления не появляются. Всё, что придёт, будет в недавних событиях.
settings-quiet-favourites = Избранные всё равно звонят
settings-quiet-favourites-hint = Звонки людей со звёздочкой в контактах.
settings-quiet-number = Без звука: { $number }
settings-quiet-hours = Тихие часы
settings-quiet-from = С
settings-quiet-to = До
settings-quiet-remove = Удалить эти тихие часы
settings-quiet-days = Дни, в которые они начинаются
settings-quiet-for = Для
settings-quiet-every = Все номера
settings-quiet-zone = По времени
settings-quiet-zone-here = там, где я
settings-quiet-zone-number = страны номера
settings-quiet-add = Добавить тихие часы
settings-quiet-day-monday = пн
settings-quiet-day-tuesday = вт
settings-quiet-day-wednesday = ср
settings-quiet-day-thursday = чт
settings-quiet-day-friday = пт
settings-quiet-day-saturday = сб
settings-quiet-day-sunday = вс
as-system = Как в системе
appearance-light = Светлое
appearance-dark = Тёмное
device-default = По умолчанию
device-default-named = По умолчанию ({ $name })
device-in-use = Пока вызовы идут через { $name }.
device-missing = Выбранное устройство (не подключено)

account-add = Добавить SIP-аккаунт
account-add-lead = Имя пользователя, домен и пароль выдаёт ваш оператор.
account-user = Имя пользователя
account-user-empty = Введите имя пользователя.
account-user-wrong = Только часть до @, без пробелов.
account-domain = Домен
account-domain-empty = Введите домен.
account-domain-wrong = Это не домен, например sip.example.net.
account-password = Пароль
account-proxy = Прокси (необязательно)
account-proxy-hint = Хост или хост:порт, если это не домен; несколько через запятую.
account-proxy-wrong = Это не хост и не хост:порт.
account-more = Подробнее о соединении
account-transport = Соединение
transport-auto = Автоматически
transport-udp = UDP
transport-tcp = TCP
transport-tls = TLS (с шифрованием)
account-ca-file = Файл удостоверяющего центра (необязательно)
account-ca-file-hint = Для частной АТС: файл центра, подписавшего её сертификат.
account-sound = Звук и шифрование вызовов
account-sound-of = Звук и шифрование: { $name }
account-sound-when = Действует со следующего вызова.
save = Сохранить
media-security = Шифрование
media-security-off = Выключено
media-security-preferred = Когда возможно
media-security-required = Всегда
media-keying = Ключи
media-keying-auto = Автоматически
media-keying-sdes = SDES
media-keying-dtls = DTLS
media-codecs = Кодеки (необязательно)
media-codecs-hint = В порядке предпочтения. Пусто: opus, G722, PCMU, PCMA.
media-codecs-wrong = Tern знает opus, G722, PCMU, PCMA и G729.
media-packet = Длина пакета
media-packet-usual = Обычная (20 мс)
media-dtmf = Тоны клавиш
media-dtmf-auto = Автоматически
media-dtmf-rfc4733 = События (RFC 4733)
media-dtmf-info = В сигнализации (INFO)
media-dtmf-inband = Звуком
media-ice = Искать путь через брандмауэры
media-ice-hint = ICE. Только если это умеет ваш провайдер.
media-stun = Сервер STUN (необязательно)
media-turn = Сервер TURN (необязательно)
media-turn-user = Пользователь TURN
media-turn-password = Пароль TURN
account-name = Название (необязательно)
account-name-hint = Как называть его в этом окне.
provider = Оператор
provider-none = Любой SIP-аккаунт
provider-voipms = VoIP.ms
provider-telnyx = Telnyx
provider-twilio = Twilio (прежде всего SMS)
provider-signalwire = SignalWire (прежде всего SMS)
provider-zadarma = Zadarma
provider-tern = Другой, через API Tern
provider-voipms-has = Баланс, номера, SMS и MMS, журнал звонков, тарифы, голосовая почта. Звонки идут через ваш первый субаккаунт. VoIP.ms отвечает только адресам, разрешённым в его кабинете.
provider-telnyx-has = Баланс, номера, SMS с текстами за последние 10 дней, журнал звонков. Звонки идут через ваши первые учётные данные телефонии. Цен заранее нет.
provider-twilio-has = Баланс, номера, SMS, журнал звонков, цены. Телефона нет: Twilio не выдаёт SIP-аккаунт, для звонков нужен свой.
provider-signalwire-has = Номера, SMS, журнал звонков. Баланса и цен нет, для звонков нужен свой SIP-аккаунт.
provider-zadarma-has = Баланс, номера, журнал звонков, цены, отправка SMS. Входящих SMS нет: API Zadarma их не отдаёт.
provider-tern-has = Всё, что предлагает оператор.
provider-url = Адрес API или пространства
provider-url-empty = Введите адрес.
provider-user = { $provider ->
    [voipms] E-mail для входа
    [twilio] SID аккаунта
    [signalwire] ID проекта
   *[other] Ключ API
}
provider-field-empty = Заполните это поле.
provider-token = { $provider ->
    [voipms] Пароль API
    [twilio] Токен авторизации
    [telnyx] Ключ API
    [zadarma] Секрет API
   *[other] Токен API
}
account-own-sip = Другой SIP-аккаунт для звонков
account-add-submit = Добавить аккаунт
account-remove = Удалить { $name }
account-remove-what = Tern отключит его и удалит его пароль и историю с этого компьютера. Номера, баланс и записи оператора останутся у оператора.
account-remove-confirm = Удалить аккаунт
accounts-none = Аккаунтов пока нет.

welcome-title = Всё готово
welcome-what = Откройте переписку или просто начните вводить номер. Эхо-тест повторит ваши слова, и вы поймёте, что вас слышно.
welcome-first-title = Добро пожаловать в Tern
welcome-first-what = Добавьте SIP-аккаунт, чтобы звонить и писать со своих номеров.

side-label = Аккаунт и набор номера
tabs-label = Разделы окна
tab-phone = Телефон
tab-activity = События
close = Закрыть
cancel = Отмена
dismiss = Скрыть
link-broken = Ядро Tern не отвечает.
playing = Воспроизведение
playing-how-far = Сколько сыграно
playing-stop = Остановить воспроизведение
recording-play = Прослушать запись
away = Пока вас не было: { $what }.
away-messages =
    { $messages } { $messages ->
        [one] сообщение
        [few] сообщения
       *[other] сообщений
    } от { $people } { $people ->
        [one] человека
       *[other] человек
    }
away-calls =
    { $calls } { $calls ->
        [one] пропущенный звонок
        [few] пропущенных звонка
       *[other] пропущенных звонков
    }

tab-contacts = Контакты
more = Ещё
contacts = Контакты
contacts-search = Поиск по контактам
contacts-search-placeholder = Имя или номер
contacts-empty = Контактов пока нет
contacts-empty-what = Добавьте людей сами или импортируйте файл vCard из телефона или адресной книги.
contacts-more = Импорт и экспорт
contacts-import = Импорт vCard…
contacts-import-large = Этот файл слишком велик для адресной книги.
contacts-export = Экспорт всех…
contacts-export-title = Экспорт контактов
contacts-file = контакты
contacts-imported = Контакты импортированы
contacts-imported-added =
    { $count ->
        [one] Добавлен { $count } контакт
        [few] Добавлено { $count } контакта
        [many] Добавлено { $count } контактов
       *[other] Добавлено { $count } контакта
    }
contacts-imported-changed =
    { $count ->
        [one] Изменён { $count } контакт
        [few] Изменено { $count } контакта
        [many] Изменено { $count } контактов
       *[other] Изменено { $count } контакта
    }
contacts-imported-same =
    { $count ->
        [one] { $count } контакт уже был
        [few] { $count } контакта уже были
        [many] { $count } контактов уже были
       *[other] { $count } контакта уже были
    }
contacts-imported-unreadable =
    { $count ->
        [one] Не прочитана { $count } карточка: нет имени или номера (строка { $lines })
        [few] Не прочитаны { $count } карточки: нет имени или номера (строки { $lines })
        [many] Не прочитано { $count } карточек: нет имени или номера (строки { $lines })
       *[other] Не прочитано { $count } карточки: нет имени или номера (строки { $lines })
    }
contacts-imported-none = В этом файле нет контактов.
contacts-exported =
    { $count ->
        [one] { $count } контакт в файле { $path }.
        [few] { $count } контакта в файле { $path }.
        [many] { $count } контактов в файле { $path }.
       *[other] { $count } контакта в файле { $path }.
    }
contact-new = Новый контакт
contact-show = Показать контакт
contact-add-number = Добавить в контакты
contact-copy = Скопировать номер
contact-edit = Изменить
contact-edit-title = Изменить контакт
contact-favourite = { $name } в избранном
contact-name = Имя
contact-name-empty = Введите имя.
contact-number = Номер
contact-number-more = Номер { $place }
contact-number-empty = Введите номер.
contact-number-add = Добавить ещё номер
contact-number-remove = Убрать этот номер
contact-kind = Назначение номера
contact-kind-other = Другой
contact-kind-cell = Мобильный
contact-kind-home = Домашний
contact-kind-work = Рабочий
contact-kind-fax = Факс
contact-kind-pager = Пейджер
contact-note = Заметка
contact-write = Написать
contact-write-to = Написать на { $number }
contact-remove = Удалить контакт
contact-remove-title = Удалить контакт { $name }?
contact-remove-what = Переписка и звонки останутся; вместо имени в них будет номер.
block = Заблокировать
block-menu = Заблокировать…
block-title = Заблокировать { $name }?
block-what = Звонки отклоняются, а сообщения откладываются, и никто об этом не узнает. Они лежат в настройках, в разделе «Заблокированные номера».
block-spam = Это спам
block-spam-hint = Отмечается в списке заблокированных номеров.
block-number = Заблокировать { $number }
blocked = Заблокированные номера
blocked-count =
    { $count ->
        [0] Никто не заблокирован
        [one] { $count } номер
        [few] { $count } номера
        [many] { $count } номеров
       *[other] { $count } номера
    }
blocked-show = Показать
blocked-none = Никто не заблокирован
blocked-none-what = Заблокируйте номер из переписки с ним: его звонки и сообщения будут приходить сюда без звука.
blocked-mark = заблокирован
blocked-as-spam = заблокирован как спам
blocked-since = Заблокирован { $day }
blocked-spam-since = Спам, заблокирован { $day }
blocked-came = Звонки и сообщения от них
blocked-activity-none = Пока ничего.
unblock = Разблокировать
unblock-number = Разблокировать { $number }
thread-blocked = Вы заблокировали этот номер.
thread-blocked-spam = Вы заблокировали этот номер как спам.
thread-delete = Удалить
thread-delete-menu = Удалить переписку…
thread-delete-title = Удалить переписку с { $name }?
thread-delete-what = Её сообщения и звонки исчезнут с этого компьютера и не вернутся. Сообщения, ждущие отправки, всё же уйдут.
thread-delete-stays = Оператор хранит собственные записи.
thread-delete-there = Удалить сообщения и у оператора
thread-delete-there-hint = Они удаляются там одно за другим. Звонки остаются в его журнале.

settings-kept = Ваши данные
export-format = Экспорт в формате
export-json = JSON (всё)
export-csv = CSV (для таблиц)
export-json-what = Сообщения, звонки и платежи, а также контакты, заблокированные номера, черновики и настройки. Без паролей.
export-csv-what = Сообщения, звонки, платежи и черновики одной таблицей.
export-write = Экспорт…
export-done = В файле { $path }: { $what }.
export-rows =
    { $count ->
        [one] { $rows } сообщение, звонок или платёж
        [few] { $rows } сообщения, звонка и платежа
        [many] { $rows } сообщений, звонков и платежей
       *[other] { $rows } сообщения, звонка и платежа
    }
export-contacts =
    { $count ->
        [one] { $count } контакт
        [few] { $count } контакта
        [many] { $count } контактов
       *[other] { $count } контакта
    }
export-blocked =
    { $count ->
        [one] { $count } заблокированный номер
        [few] { $count } заблокированных номера
        [many] { $count } заблокированных номеров
       *[other] { $count } заблокированного номера
    }
export-drafts =
    { $count ->
        [one] { $count } черновик
        [few] { $count } черновика
        [many] { $count } черновиков
       *[other] { $count } черновика
    }
search-repair = Поиск что-то пропускает?
search-repair-what = Его указатель можно составить заново по тому, что хранится. Ничего не пропадёт.
search-repair-now = Составить заново
search-repaired = Указатель составляется заново.

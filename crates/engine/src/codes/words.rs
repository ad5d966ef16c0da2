//! The words that tell what a number in an SMS is, in the languages Tern knows of. All lower case, as they stand after
//! [`super::text`] has made one kind of digit, dash and space of many.
//!
//! Scripts without spaces between words, and those that put letters before a word, need [`Fit::Any`]. The lists are laid
//! out by hand: a word to a line would hide them.

/// How a word lies in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// As a whole word.
    Word,
    /// As a word's beginning.
    Start,
    /// Anywhere.
    Any,
}

/// Words of one kind that lie in the text the same way.
pub(super) type Words = (Fit, &'static [&'static str]);

/// What a one-time code is called.
#[rustfmt::skip]
pub(super) const CODE: &[Words] = &[
    (Fit::Word, &[
        "pin", "otp", "tan", "mtan", "2fa", "token", "cod", "clave", "ключ", "пин", "пін", "קוד", "הקוד",
        "בקוד", "לקוד", "קודך", "کد", "ma otp", "ma xac thuc", "ma xac nhan", "verification number",
        "activation key", "authentication", "verificación de número",
    ]),
    (Fit::Start, &[
        "код", "парол", "kod", "kód", "codice", "codul", "código", "codigo", "haslo", "hasło", "hasła",
        "şifre", "sifre", "parola", "heslo", "jelszó", "mã", "mật khẩu", "mat khau", "sandi", "senha",
        "palavra-passe", "contraseña", "contrasena", "mot de passe", "κωδικ", "koodi", "passord",
        "lösenord",
    ]),
    (Fit::Any, &[
        "code", "password", "passwort", "kennwort", "wachtwoord", "engångskod", "verifieringskod",
        "säkerhetskod", "smskod", "skode", "skoodi", "gangskode", "tunnusluku", "验证码", "驗證碼", "校验码", "校驗碼",
        "动态码", "動態碼", "密码", "密碼", "激活码", "啟用碼", "注册码", "登录码", "確認碼", "确认码", "随机码", "授权码", "コード", "認証番号",
        "暗証番号", "確認番号", "パスワード", "인증번호", "인증코드", "코드", "비밀번호", "승인번호", "확인번호", "رمز", "كود", "كلمة المرور",
        "كلمة السر", "الرقم السري", "סיסמ", "ओटीपी", "कोड", "รหัส", "گذرواژه",
    ]),
];

/// What one-time codes are for.
#[rustfmt::skip]
pub(super) const PURPOSE: &[Words] = &[
    (Fit::Word, &[
        "otp", "2fa", "tan", "mtan", "वेरिफिकेशन",
    ]),
    (Fit::Start, &[
        "verif", "vérif", "authent", "authoriz", "authoris", "autoriz", "autoris", "confirm", "approve",
        "register", "activat", "reset", "one-time", "one time", "single-use", "temporary", "two-factor",
        "log in", "login", "logging in", "sign in", "sign-in", "signing in", "continue", "security code",
        "set up", "setting up", "connexion", "connect", "usage unique", "valider", "validez",
        "inscription", "provisoire", "activer", "подтвер", "одноразов", "провероч", "авториз", "вход",
        "войти", "регистрац", "активац", "доступ", "підтвер", "реєстрац", "одноразов", "увійти", "потвърж",
        "bestätig", "anmeld", "anzumeld", "einmal", "freigabe", "freischalt", "aktivier", "sicherheits",
        "zugang", "verifiz", "un solo uso", "acceso", "acceder", "entrar", "iniciar ses", "activa",
        "validar", "seguran", "segurid", "ativa", "accede", "accesso", "attiva", "sicurezza",
        "usa e getta", "bevestig", "eenmalig", "inlog", "in te loggen", "activer", "beveilig", "potwierd",
        "weryfik", "jednoraz", "logow", "zalogow", "autoryz", "doğrula", "dogrula", "onay", "giriş",
        "giris", "tek kullan", "tek sefer", "güvenlik", "aktivasyon", "kayıt", "verifik", "konfirmas",
        "mengonfirm", "masuk", "xác thực", "xác nhận", "xác minh", "đăng nhập", "xac thuc", "xac nhan",
        "verifier", "bekräft", "bekræft", "bekreft", "engång", "engang", "inlogg", "logga in", "vahvist",
        "kirjaud", "ověř", "potvrz", "přihlá", "megerős", "ellenőrz", "autentific", "επαλήθ", "επιβεβ",
        "σύνδεσ", "सत्याप",
    ]),
    (Fit::Any, &[
        "验证", "驗證", "登录", "登錄", "动态", "動態", "注册", "校验", "一次性", "激活", "認証", "認證", "確認", "ワンタイム", "ログイン",
        "登録", "인증", "본인", "로그인", "확인", "تحقق", "تأكيد", "تفعيل", "دخول", "مرة واحدة", "المؤقت", "تایید",
        "یکبار", "אימות", "לאמת", "חד פעמי", "כניסה", "זמני", "ยืนยัน",
    ]),
];

/// What one does with a code: stands right before it.
#[rustfmt::skip]
pub(super) const VERB: &[Words] = &[
    (Fit::Start, &[
        "enter", "type", "use", "using", "input", "with", "saisissez", "saisir", "entrez", "tapez",
        "utilisez", "введите", "введи", "укажите", "введіть", "вкажіть", "geben sie", "geben sie bitte",
        "gib", "verwenden sie", "introduce", "introduzca", "ingresa", "ingrese", "usa", "usar", "digita",
        "digite", "insira", "inserisci", "voer", "gebruik", "wpisz", "podaj", "zadejte", "masukkan",
        "gunakan", "nhập", "nhap", "ange", "indtast", "introdu", "syötä",
    ]),
    (Fit::Any, &[
        "输入", "輸入", "أدخل", "ادخل", "استخدم", "הזינו", "הזן", "הקלד",
    ]),
];

/// The same in languages that put it behind.
#[rustfmt::skip]
pub(super) const VERB_BEHIND: &[Words] =
    &[(Fit::Any, &[
        "girin", "giriniz", "kullanın", "입력", "入力", "输入", "輸入",
    ]),
    (Fit::Word, &[
        "ein",
    ]),
];

/// "Is", right before a number.
#[rustfmt::skip]
pub(super) const IS: &[Words] = &[
    (Fit::Word, &[
        "is", "are", "est", "est le", "ist", "lautet", "es", "es el", "é", "è", "to", "är", "er", "on",
        "je", "este", "είναι", "là", "adalah",
    ]),
];

/// Codes of another kind; they take the word for a code with them.
#[rustfmt::skip]
pub(super) const OTHER_CODE: &[Words] = &[
    (Fit::Start, &[
        "promo", "promotional code", "discount code", "coupon", "voucher", "gift card", "gift code",
        "referral code", "invite code", "customer code", "client code", "member code", "staff code",
        "token number", "code review", "code client", "code adhérent", "code article", "код клиента",
        "код сотрудника", "код клієнта", "kundencode", "código de cliente", "código cliente",
        "codice cliente", "codice articolo", "klantcode", "kod klienta", "müşteri kod", "kode pelanggan",
        "mã khách", "mã số thuế", "postcode", "post code", "postal code", "zip code", "zip", "area code",
        "country code", "dialling code", "dialing code", "sort code", "swift code", "bank code",
        "branch code", "error code", "status code", "exit code", "source code", "dress code", "qr code",
        "qr-code", "bar code", "barcode", "booking code", "reservation code", "tracking code",
        "product code", "item code", "colour code", "color code", "tax code", "morse code", "code promo",
        "code postal", "code avantage", "code réduction", "code de réduction", "code barre", "code-barres",
        "code de réservation", "code de suivi", "code erreur", "code produit", "code remise",
        "code cadeau", "промокод", "промо-код", "код товара", "код купона", "код отслеж", "трек-код",
        "трек код", "код ошибки", "код города", "код страны", "код бронир", "qr-код", "штрих-код",
        "штрихкод", "код товару", "код помилки", "почтовый", "поштовий", "gutschein", "rabatt",
        "aktionscode", "postleitzahl", "plz", "fehlercode", "buchungscode", "sendungscode", "bankleitzahl",
        "código promoc", "codigo promoc", "código de desc", "código postal", "codigo postal",
        "código de reserva", "código de barras", "código de segui", "código de rastreio",
        "código de error", "código de erro", "cupón", "cupom", "cupão", "codice sconto", "codice promo",
        "codice postale", "codice fiscale", "codice preno", "codice errore", "cap", "kortingscode",
        "actiecode", "foutcode", "boekingscode", "kod rabat", "kod promo", "kod poczt", "kod błędu",
        "kod rezerw", "indirim kod", "kampanya kod", "posta kod", "hata kod", "kode promo", "kode diskon",
        "kode pos", "kode booking", "kode voucher", "mã giảm", "mã vận", "mã đơn", "mã khuyến", "mã bưu",
        "rabattkod", "rabatkode", "postnummer", "postnr", "alennuskoodi", "slevový", "psč", "cod poștal",
        "cod postal", "cod de reducere", "cod promo", "felkod", "irányítószám", "cod produs",
    ]),
    (Fit::Any, &[
        "客户代码", "客户编号", "優惠券", "お客様コード", "고객코드", "优惠码", "優惠碼", "邮政编码", "邮编", "二维码", "错误代码", "取件码",
        "クーポンコード", "割引コード", "エラーコード", "qrコード", "バーコード", "郵便番号", "할인코드", "쿠폰번호", "쿠폰코드", "우편번호", "오류코드",
        "كود الخصم", "رمز الخصم", "كود خصم", "الرمز البريدي", "رمز بريدي", "קוד קופון", "קוד הנחה",
        "קוד מוצר", "מיקוד", "कूपन कोड", "کد تخفیف", "کد پستی", "کد رهگیری",
    ]),
];

/// What makes a message an advertisement.
#[rustfmt::skip]
pub(super) const PROMOTION: &[Words] = &[
    (Fit::Start, &[
        "discount", "% off", "coupon", "voucher", "free ", "save ", "sale", "offert", "réduction",
        "remise", "скидк", "знижк", "rabatt", "sparen", "gutschein", "descuento", "ahorr", "desconto",
        "sconto", "korting", "rabat", "zniżk", "indirim", "diskon", "giảm", "ale ", "slev", "reducere",
        "έκπτωση", "vale r$",
    ]),
    (Fit::Any, &[
        "优惠", "優惠", "立减", "割引", "オフ", "クーポン", "할인", "쿠폰", "خصم", "הנחה", "קופון", "छूट", "تخفیف",
    ]),
];

/// What else a number is, named a few words before it.
#[rustfmt::skip]
pub(super) const OTHER_NUMBER: &[Words] = &[
    (Fit::Start, &[
        "order", "invoice", "ref", "ticket", "case", "card", "ending", "flight", "train", "bus ", "room",
        "gate", "seat", "platform", "balance", "bal", "customer", "contract", "serial", "parcel",
        "tracking", "booking", "claim", "meter", "amount", "total", "points", "call", "phone", "tel",
        "fax", "reply", "stop", "text ", "sms to", "commande", "facture", "colis", "dossier", "solde",
        "carte", "montant", "train", "vol ", "appelez", "rappel", "contactez", "заказ", "счет", "счёт",
        "баланс", "остаток", "карт", "сумм", "рейс", "поезд", "договор", "посыл", "звоните", "позвони",
        "тел", "номер заказа", "замовл", "посилк", "залиш", "картк", "сум", "bestell", "rechnung",
        "sendung", "paket", "kunden", "kontostand", "karte", "betrag", "termin", "zug ", "rufen", "anruf",
        "pedido", "factura", "fatura", "envío", "saldo", "tarjeta", "cartão", "cargo", "vuelo", "reserva",
        "llám", "llame", "cliente", "encomenda", "protocolo", "ordine", "fattura", "spedizione", "carta",
        "importo", "treno", "chiama", "bestelling", "factuur", "pakket", "kaart", "bedrag", "klant",
        "bel ", "zamów", "faktur", "paczk", "kwot", "kart", "sipariş", "fatura", "tesisat", "bakiye",
        "tutar", "pesanan", "tagihan", "resi", "kartu", "hubungi", "đơn hàng", "số dư", "tài khoản", "thẻ",
        "zásilk", "objedn", "dobírk", "comand", "colet", "παραγγ", "ऑर्डर", "paket", "tilaus", "pakke",
    ]),
    (Fit::Any, &[
        "订单", "訂單", "尾号", "尾號", "末四位", "余额", "餘額", "客服", "电话", "電話", "致电", "致電", "快递", "航班", "编号", "注文番号",
        "会員番号", "荷物番号", "予約番号", "電話", "残高", "주문번호", "운송장", "잔액", "전화", "문의", "무료거부", "طلبك رقم",
        "رقم الشحنة", "رقم الطلب", "رصيد", "بطاق", "اتصل", "הזמנה", "חבילה", "יתרה", "כרטיס", "חייגו",
        "לפרטים", "سفارش", "พัสดุ",
    ]),
];

/// Words that, right before a number, make it an account, an address to write to, a serial number or a time.
#[rustfmt::skip]
pub(super) const RIGHT_BEFORE: &[Words] = &[
    (Fit::Word, &[
        "account", "acct", "a/c", "to", "at", "from", "of", "on", "no", "no.", "nr", "nr.", "n°", "nº",
        "№", "ip", "since", "until", "in", "by", "au", "stop", "stop au", "compte", "konto", "an", "ab",
        "bis", "seit", "cuenta", "conta", "conto", "al", "rekening", "номер", "на номер", "рахунок", "хат",
        "usd", "eur", "gbp", "rub", "uah", "inr", "rs", "rs.", "rp", "pln", "try", "jpy", "cny", "krw",
        "vnd", "idr", "chf", "cad", "aud", "r$", "us$", "sr", "sar", "aed", "room", "til", "till",
    ]),
];

/// Units: what stands right behind an amount, a duration or a count.
#[rustfmt::skip]
pub(super) const UNIT: &[Words] = &[
    (Fit::Word, &[
        "usd", "eur", "euro", "euros", "gbp", "pounds", "dollars", "rub", "uah", "inr", "rupees", "pln",
        "zł", "tl", "try", "jpy", "yen", "cny", "rmb", "krw", "won", "vnd", "vnđ", "đ", "idr", "czk", "kč",
        "sek", "nok", "dkk", "kr", "chf", "cad", "aud", "ron", "lei", "bgn", "huf", "ft", "sar", "aed",
        "ils", "thb", "р", "р.", "руб", "руб.", "рублей", "рубля", "грн", "грн.", "pesos", "reais", "min",
        "minutes", "minute", "minuten", "мин", "минут", "хв", "хвилин", "hours", "hrs", "h", "uhr",
        "points", "pts", "steps", "lines", "times", "pages", "seiten", "раз", "страниц", "coins", "people",
        "km", "m", "kg", "g", "г", "кг", "gb", "mb", "гб", "мб", "kwh", "ml", "nights", "days", "people",
        "баллов", "бонусов", "puan", "puanınız", "punkte", "points", "punkt", "zile", "dakika", "menit",
        "phút", "ريال", "درهم", "جنيه", "دينار", "ש\"ח", "שח", "שקלים", "numaralı", "nolu", "street",
        "avenue", "ave", "road", "rd",
    ]),
    (Fit::Any, &[
        "元", "円", "圆", "원", "₽", "€", "$", "£", "₹", "₺", "₴", "₩", "¥", "%", "年", "月", "日", "分", "号", "號",
        "번", "점", "点", "點", "步", "人", "块", "ポイント",
    ]),
];

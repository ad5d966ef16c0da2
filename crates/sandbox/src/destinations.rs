//! Where SMS and calls go, and what a minute costs there. Numbers are E.164 with the plus.
//!
//! Only what the provider needs to decide: no formatting, no validity beyond the length.

use rust_decimal::{Decimal, dec};

use crate::settings::Settings;

/// Numbers that are for emergencies somewhere. They are refused however they are dialled.
const EMERGENCY: &[&str] = &[
    "000", "08", "100", "101", "102", "103", "108", "110", "111", "112", "113", "115", "116", "117", "118",
    "119", "122", "123", "15", "17", "18", "190", "191", "192", "193", "194", "199", "911", "995", "997",
    "998", "999",
];

/// Area codes under +1 that are neither the United States with their territories nor Canada.
const CARIBBEAN: &[&str] = &[
    "242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758", "767", "784",
    "809", "829", "849", "868", "869", "876",
];

/// Calling codes (ITU-T E.164) and the countries behind them (ISO 3166), in turn. +1 is told apart by area code.
const COUNTRIES: &str = "1 US 1204 CA 1226 CA 1236 CA 1242 BS 1246 BB 1249 CA 1250 CA 1257 CA 1263 CA 1264 AI 1268 AG 1284 VG \
     1289 CA 1306 CA 1343 CA 1345 KY 1354 CA 1365 CA 1367 CA 1368 CA 1382 CA 1387 CA 1403 CA 1416 CA 1418 CA \
     1428 CA 1431 CA 1437 CA 1438 CA 1441 BM 1450 CA 1460 CA 1468 CA 1473 GD 1474 CA 1506 CA 1514 CA 1519 CA \
     1548 CA 1579 CA 1581 CA 1584 CA 1587 CA 1604 CA 1613 CA 1639 CA 1647 CA 1649 TC 1658 JM 1664 MS 1672 CA \
     1683 CA 1705 CA 1709 CA 1721 SX 1742 CA 1753 CA 1758 LC 1767 DM 1778 CA 1780 CA 1782 CA 1784 VC 1807 CA \
     1809 DO 1819 CA 1825 CA 1829 DO 1849 DO 1867 CA 1868 TT 1869 KN 1873 CA 1876 JM 1879 CA 1902 CA 1905 CA \
     1942 CA 20 EG 211 SS 212 MA 213 DZ 216 TN 218 LY 220 GM 221 SN 222 MR 223 ML 224 GN 225 CI 226 BF 227 NE \
     228 TG 229 BJ 230 MU 231 LR 232 SL 233 GH 234 NG 235 TD 236 CF 237 CM 238 CV 239 ST 240 GQ 241 GA 242 CG \
     243 CD 244 AO 245 GW 246 IO 248 SC 249 SD 250 RW 251 ET 252 SO 253 DJ 254 KE 255 TZ 256 UG 257 BI 258 MZ \
     260 ZM 261 MG 262 RE 263 ZW 264 NA 265 MW 266 LS 267 BW 268 SZ 269 KM 27 ZA 290 SH 291 ER 297 AW 298 FO \
     299 GL 30 GR 31 NL 32 BE 33 FR 34 ES 350 GI 351 PT 352 LU 353 IE 354 IS 355 AL 356 MT 357 CY 358 FI 359 BG \
     36 HU 370 LT 371 LV 372 EE 373 MD 374 AM 375 BY 376 AD 377 MC 378 SM 380 UA 381 RS 382 ME 383 XK 385 HR \
     386 SI 387 BA 389 MK 39 IT 40 RO 41 CH 420 CZ 421 SK 423 LI 43 AT 44 GB 45 DK 46 SE 47 NO 48 PL 49 DE \
     500 FK 501 BZ 502 GT 503 SV 504 HN 505 NI 506 CR 507 PA 508 PM 509 HT 51 PE 52 MX 53 CU 54 AR 55 BR 56 CL \
     57 CO 58 VE 590 GP 591 BO 592 GY 593 EC 594 GF 595 PY 596 MQ 597 SR 598 UY 599 CW 60 MY 61 AU 62 ID 63 PH \
     64 NZ 65 SG 66 TH 670 TL 673 BN 674 NR 675 PG 676 TO 677 SB 678 VU 679 FJ 680 PW 681 WF 682 CK 683 NU \
     685 WS 686 KI 687 NC 688 TV 689 PF 690 TK 691 FM 692 MH 7 RU 76 KZ 77 KZ 81 JP 82 KR 84 VN 850 KP 852 HK \
     853 MO 855 KH 856 LA 86 CN 880 BD 886 TW 90 TR 91 IN 92 PK 93 AF 94 LK 95 MM 960 MV 961 LB 962 JO 963 SY \
     964 IQ 965 KW 966 SA 967 YE 968 OM 970 PS 971 AE 972 IL 973 BH 974 QA 975 BT 976 MN 977 NP 98 IR 992 TJ \
     993 TM 994 AZ 995 GE 996 KG 998 UZ";

/// The United States with their territories, and Canada (ISO 3166).
pub(crate) const US_AND_CANADA: [&str; 7] = ["US", "CA", "AS", "GU", "MP", "PR", "VI"];

/// Price of a minute by the longest prefix that fits.
pub(crate) const MINUTE: &[(&str, Decimal)] = &[
    ("1", dec!(0.02)),
    ("33", dec!(0.03)),
    ("336", dec!(0.06)),
    ("337", dec!(0.06)),
    ("44", dec!(0.02)),
    ("447", dec!(0.05)),
    ("46", dec!(0.03)),
    ("49", dec!(0.02)),
    ("4915", dec!(0.05)),
    ("4916", dec!(0.05)),
    ("4917", dec!(0.05)),
    ("61", dec!(0.03)),
    ("7", dec!(0.07)),
];

/// Price of a minute everywhere else.
pub(crate) const MINUTE_ELSEWHERE: Decimal = dec!(0.15);

/// Whether these are the digits of an emergency number. A number with country code never is.
pub(crate) fn is_emergency(dialled: &str) -> bool {
    EMERGENCY.contains(&dialled)
}

/// A dialled text as E.164 with the plus: leading `+` or `00` or just the digits, with the usual separators.
/// `None` when it cannot be an international number.
pub(crate) fn e164(dialled: &str) -> Option<String> {
    let trimmed = dialled.trim();
    let (digits, has_plus) = match trimmed.strip_prefix('+') {
        Some(rest) => (rest, true),
        None => (trimmed, false),
    };
    if !digits.chars().all(|c| c.is_ascii_digit() || " -.()/".contains(c)) {
        return None;
    }
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let digits = match (has_plus, digits.strip_prefix("00")) {
        (false, Some(international)) => international.to_owned(),
        _ => digits,
    };
    // ITU-T E.164 section 6: at most 15 digits, country codes do not begin with 0.
    ((6..=15).contains(&digits.len()) && !digits.starts_with('0')).then(|| format!("+{digits}"))
}

/// Whether the provider sends SMS there.
pub(crate) fn serves_sms(e164: &str, settings: &Settings) -> bool {
    !is_sanctioned(e164, settings) && !is_us_or_canada(e164)
}

/// Whether the provider puts calls through there.
pub(crate) fn serves_calls(e164: &str, settings: &Settings) -> bool {
    !is_sanctioned(e164, settings)
}

/// What a minute costs.
pub(crate) fn minute_price(e164: &str) -> Decimal {
    let digits = e164.trim_start_matches('+');
    MINUTE
        .iter()
        .filter(|(prefix, _)| digits.starts_with(prefix))
        .max_by_key(|(prefix, _)| prefix.len())
        .map_or(MINUTE_ELSEWHERE, |(_, price)| *price)
}

/// The country of a number, ISO 3166 alpha-2.
pub(crate) fn country(e164: &str) -> Option<&'static str> {
    let digits = e164.strip_prefix('+')?;
    let mut words = COUNTRIES.split_ascii_whitespace();
    let pairs = std::iter::from_fn(|| Some((words.next()?, words.next()?)));
    pairs
        .filter(|(code, _)| digits.starts_with(code))
        .max_by_key(|(code, _)| code.len())
        .map(|(_, country)| country)
}

/// The countries (ISO 3166) that neither SMS nor calls go to, as far as they are whole countries.
pub(crate) fn sanctioned_countries(settings: &Settings) -> Vec<&'static str> {
    settings.sanctioned_prefixes.iter().filter_map(|prefix| country(&format!("+{prefix}"))).collect()
}

fn is_sanctioned(e164: &str, settings: &Settings) -> bool {
    let digits = e164.trim_start_matches('+');
    settings.sanctioned_prefixes.iter().any(|prefix| digits.starts_with(prefix.as_str()))
}

fn is_us_or_canada(e164: &str) -> bool {
    e164.strip_prefix("+1").is_some_and(|national| !CARIBBEAN.iter().any(|area| national.starts_with(area)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialled_texts() {
        for (dialled, expected) in [
            ("+44 7700 900142", Some("+447700900142")),
            ("0044-7700-900142", Some("+447700900142")),
            ("447700900142", Some("+447700900142")),
            ("+33 (6) 39.98.47.12", Some("+33639984712")),
            ("07700900142", None),
            ("+0447700900142", None),
            ("12345", None),
            ("1234567890123456", None),
            ("echo", None),
            ("+44x", None),
            ("", None),
        ] {
            assert_eq!(e164(dialled).as_deref(), expected, "{dialled}");
        }
    }

    #[test]
    fn where_sms_go() {
        let settings = Settings::default();
        for (number, served) in [
            ("+12125550147", false),
            ("+14165550123", false),
            ("+17875550123", false),
            ("+18765550123", true),
            ("+989121234567", false),
            ("+8501234567", false),
            ("+447700900142", true),
            ("+33639984712", true),
        ] {
            assert_eq!(serves_sms(number, &settings), served, "{number}");
        }
    }

    #[test]
    fn calls_reach_north_america_but_no_sanctioned_country() {
        let settings = Settings::default();
        assert!(serves_calls("+12125550147", &settings));
        assert!(!serves_calls("+989121234567", &settings));
        assert!(!serves_calls("+8501234567", &settings));
    }

    #[test]
    fn countries_of_numbers() {
        for (number, expected) in [
            ("+447700900142", Some("GB")),
            ("+4930231250", Some("DE")),
            ("+12125550147", Some("US")),
            ("+14165550123", Some("CA")),
            ("+18765550123", Some("JM")),
            ("+77011234567", Some("KZ")),
            ("+74951234567", Some("RU")),
            ("+33639984712", Some("FR")),
            ("+46846500417", Some("SE")),
            ("+9991234567", None),
            ("echo", None),
        ] {
            assert_eq!(country(number), expected, "{number}");
        }
    }

    #[test]
    fn the_longest_prefix_prices_the_minute() {
        for (number, price) in [
            ("+4930231250", "0.02"),
            ("+491713920042", "0.05"),
            ("+33639984712", "0.06"),
            ("+8612345678", "0.15"),
        ] {
            assert_eq!(minute_price(number).to_string(), price, "{number}");
        }
    }
}

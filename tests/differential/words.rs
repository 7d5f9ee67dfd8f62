//! What requests are made of: values that fit, values that do not, and odd ones that may.

use bytes::Bytes;

use crate::dice::Dice;
use crate::model::noise;

/// Values of a path parameter by what it stands for.
pub(crate) fn parameter(dice: &mut Dice, name: &str, broken: bool) -> String {
    let fitting: &[&str] = match name {
        "number" => &["0", "1", "7", "10", "42", "+3", "007", "255", "%34%32"],
        "colour" => &["red", "green", "blue", "%62lue"],
        "flag" => &["true", "false"],
        "id" => &["6f1b3c2e-9d5a-4b7e-8f00-112233445566", "6F1B3C2E9D5A4B7E8F00112233445566"],
        "status" => &[
            "100", "103", "200", "201", "202", "203", "204", "205", "206", "226", "299", "300", "304", "400", "401",
            "407", "418", "426", "451", "500", "503", "599", "600", "999",
        ],
        "length" => &["0", "1", "1000", "4096", "65536", "70000", "131072", "400000"],
        _ => &[
            "ada",
            "a-b_c~d.e",
            "%20",
            "a%20b",
            "%C3%A4",
            "a%2Fb",
            "a+b",
            "%2B",
            "x;y=z",
            "a:b",
            "a@b,c",
            "%25",
            "%3F%23",
            "(a)!*'",
            "%F0%9F%A6%80",
            "..",
            ".",
        ],
    };
    if broken && dice.once_in(8) {
        return String::new();
    }
    if broken && dice.once_in(2) {
        let odd = [
            "-1",
            "4294967296",
            "99999999999999999999",
            "1.5",
            "one",
            "Red",
            "TRUE",
            "yes",
            "%",
            "%2",
            "%zz",
            "a%ZZb",
            "%FF",
            "%C3",
            "%00",
            "%0A",
            "99",
            "1000",
            "0x10",
            "1%20",
            "%2F",
            "*",
            "{id}",
            "[a]",
            "a|b",
            "\"",
            "%252F",
            "special",
            "a//b",
            "ä",
        ];
        return dice.pick(&odd).to_owned();
    }
    if dice.once_in(200) {
        return "long".repeat(100 + dice.below(300));
    }
    dice.pick(fitting).to_owned()
}

/// Makes a path odd.
pub(crate) fn bend(dice: &mut Dice, path: &mut String) {
    let at = 1 + dice.below(path.len());
    let at = (at..=path.len()).find(|&at| path.is_char_boundary(at)).unwrap_or(path.len());
    match dice.below(9) {
        0 => path.push('/'),
        1 => path.insert(0, '/'),
        2 => path.insert(at, '/'),
        3 => path.truncate(at),
        4 => path.push_str("/more"),
        5 => path.insert_str(at, "%2F"),
        6 => path.insert_str(0, "/."),
        7 => *path = path.replacen('/', "/%61", 1),
        _ => *path = path.to_uppercase(),
    }
}

/// A query string with its question mark.
pub(crate) fn query(dice: &mut Dice, broken: bool) -> String {
    if dice.once_in(8) {
        return dice.pick(&["", "?", "?&", "?=", "?&&&", "??", "?a"]).to_owned();
    }
    let fitting = [
        "page=1",
        "page=2&size=20&desc=true",
        "tag=a&tag=b&mode=red",
        "name=ada&age=36",
        "size=65535&page=4294967295",
        "tag=%C3%A4",
        "q=a+b%20c&r=",
        "name=&age=0&mail=a%40b",
        "page=1&size=",
        "page=1&desc=on",
        "tag=a&mode=",
        "q=a&q=b",
    ];
    let keys = ["page", "page", "size", "desc", "tag", "tag", "mode", "name", "age", "q"];
    let query = if broken { pairs(dice, &keys) } else { dice.pick(&fitting).to_owned() };
    format!("?{query}")
}

/// A form of a person, or nearly.
pub(crate) fn form(dice: &mut Dice, broken: bool) -> String {
    if !broken {
        return dice
            .pick(&["name=ada&age=36", "age=0&name=", "name=a+b%20c&age=255&mail=a%40b", "name=%C3%A4&age=7&more=1"])
            .to_owned();
    }
    pairs(dice, &["name", "name", "age", "age", "mail", "more"])
}

/// Pairs of these keys, in any order and number, some of them none.
fn pairs(dice: &mut Dice, keys: &[&str]) -> String {
    let fitting = ["1", "20", "0", "true", "false", "red", "blue", "ada", "a+b", "%20", "%C3%A4"];
    let odd = [
        "",
        "",
        "on",
        "-1",
        "70000",
        "4294967296",
        "one",
        "TRUE",
        "%",
        "%zz",
        "%FF",
        "a=b",
        "a;b",
        "%00",
        "%26",
        "1.0",
        "+1",
        "+",
    ];
    let mut text = String::new();
    for i in 0..=dice.below(4) {
        if i > 0 {
            text.push_str(if dice.once_in(6) { dice.pick(&[";", "&&", "&=&"]) } else { "&" });
        }
        text.push_str(dice.pick(keys));
        if dice.once_in(10) {
            text.push_str(dice.pick(&["%5B%5D", "[]", "%20", "."]));
        }
        if !dice.once_in(8) {
            text.push('=');
            text.push_str(if dice.once_in(3) { dice.pick(&odd) } else { dice.pick(&fitting) });
        }
    }
    text
}

/// A person as JSON, or nearly.
pub(crate) fn json(dice: &mut Dice, broken: bool) -> Bytes {
    let right = [
        r#"{"name":"ada","age":36}"#,
        r#"{"age":0,"name":"","mail":null}"#,
        r#" { "name" : "\u00e4\ud83e\udd80" , "age" : 255 , "mail" : "a@b" } "#,
        r#"["ada",36,null]"#,
        r#"{"name":"ada","age":36,"more":[1,{"a":null}]}"#,
    ];
    if !broken {
        // More than extractors accept.
        if dice.once_in(150) {
            return Bytes::from(format!(r#"{{"name":"{}","age":1}}"#, "x".repeat(2 << 20)));
        }
        if dice.once_in(30) {
            return format!(r#"{{"name":"{}","age":1}}"#, "long ".repeat(dice.below(30_000))).into();
        }
        return Bytes::from_static(dice.pick(&right).as_bytes());
    }
    let odd: [&[u8]; 22] = [
        b"",
        b" ",
        b"null",
        b"{}",
        b"[]",
        b"{",
        b"}",
        b"\"ada\"",
        b"36",
        b"NaN",
        b"\xef\xbb\xbf{}",
        b"{\"name\":\"ada\"}",
        b"{\"name\":\"ada\",\"age\":256}",
        b"{\"name\":\"ada\",\"age\":-1}",
        b"{\"name\":\"ada\",\"age\":\"36\"}",
        b"{\"name\":null,\"age\":1}",
        b"{\"name\":\"ada\",\"age\":1,\"age\":2}",
        b"{\"name\":\"ada\",\"age\":1}x",
        b"{\"name\":\"ada\",\"age\":1,}",
        b"{\"name\":\"\xff\",\"age\":1}",
        b"{\"name\":\"a\nb\",\"age\":1}",
        b"{\"name\":\"\\ud800\",\"age\":1}",
    ];
    match dice.below(20) {
        0 => Bytes::from("[".repeat(200)),
        1 => Bytes::from(format!(r#"{{"name":"ada","age":1,"more":{}1{}}}"#, "[".repeat(140), "]".repeat(140))),
        2..=6 => {
            let whole = dice.pick(&right);
            Bytes::from_static(&whole.as_bytes()[..dice.below(whole.len())])
        }
        _ => Bytes::from_static(dice.pick(&odd)),
    }
}

/// Any body.
pub(crate) fn bytes(dice: &mut Dice) -> Bytes {
    let len = match dice.below(20) {
        0..=3 => 0,
        4..=12 => dice.below(64),
        13..=16 => 64 + dice.below(100),
        17 => 2000 + dice.below(8000),
        18 if dice.once_in(3) => 60_000 + dice.below(20_000),
        // About as long as extractors take.
        19 if dice.once_in(4) => 2_097_150 + dice.below(5),
        _ => 100,
    };
    if dice.once_in(3) { noise(len).into() } else { "some text, ".bytes().cycle().take(len).collect::<Vec<_>>().into() }
}

pub(crate) fn content_type(dice: &mut Dice) -> &'static str {
    dice.pick(&[
        "",
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"x\"",
        "application/json;",
        "application/json; x",
        "application/json ; a=b",
        "application/json ; a=b",
        "application/vnd.x+json",
        "application/x+y+json",
        "application/json+x",
        "application/json+x",
        "application/jsonp",
        "application/",
        "application",
        "/json",
        "json",
        "text/json",
        "text/plain",
        "application/json, text/plain",
        "application /json",
        "*/*",
        "ä",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-8",
        "application/x-www-form-urlencodedx",
        "Application/X-WWW-Form-Urlencoded",
        "multipart/form-data; boundary=x",
    ])
}

/// Headers that are strewn about.
pub(crate) const HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "authorization",
    "content-type",
    "cookie",
    "if-none-match",
    "origin",
    "range",
    "referer",
    "user-agent",
    "x-forwarded-for",
    "x-repeated",
    "x-empty",
    "content-encoding",
    "expect-not",
];

/// Values of a header.
pub(crate) fn value(dice: &mut Dice, name: &str, broken: bool) -> String {
    let usual: &[&str] = match name {
        "accept-encoding" => &["gzip", "br, gzip;q=0.5", "identity", "*", "gzip;q=0", "deflate", "GZIP", "x, , gzip"],
        "authorization" => &["Bearer abc", "bearer abc", "Bearer", "Basic YTpi", "Bearer  a b", "Bearer a.b-c~d+e/f=="],
        "cookie" => &["a=1", "a=1; old=2", "old=; b", "=x; ;; c=\"d\"", "a=1, b=2", "ä=1; e=%20", "old=1"],
        "content-type" => return content_type(dice).to_owned(),
        "if-none-match" => &["\"v1\"", "\"v2\"", "*", "W/\"v1\"", "\"v1\", \"v2\""],
        "range" => &["bytes=0-1", "bytes=-5", "bytes=5-", "items=1", "bytes=9-1, 3-4", "x"],
        "origin" => &["https://example.org", "null", "x"],
        "access-control-request-method" => &["PUT", "get", "x y"],
        "user-agent" => &["tests/1.0", "a (b; c)", "x"],
        _ => &["1", "2", "a, b", "*/*", "text/html;q=0.1"],
    };
    if broken && dice.once_in(3) {
        let odd = ["", "ä", "\"", ",", ";=", "a\tb", "🦀", "0", "=?utf-8?q?x?=", "()<>@"];
        return dice.pick(&odd).to_owned();
    }
    if dice.once_in(100) { "long".repeat(dice.below(400)) } else { dice.pick(usual).to_owned() }
}

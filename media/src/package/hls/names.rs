//! What a track is called in a playlist: text from untrusted files, made harmless.

/// Characters of a name: more are no help in a player's menu.
const MAX_NAME_CHARACTERS: usize = 80;

/// ISO 639-2 codes (bibliographic ones too) of the languages that have a code of two letters, which is
/// the one to use in a tag (RFC 5646 section 2.2.1).
const TWO_LETTERS: &str = "\
    aar aa abk ab afr af aka ak alb sq sqi sq amh am ara ar arg an arm hy hye hy asm as ava av ave ae \
    aym ay aze az bak ba bam bm baq eu eus eu bel be ben bn bih bh bis bi bos bs bre br bul bg bur my \
    mya my cat ca cha ch che ce chi zh zho zh chu cu chv cv cor kw cos co cre cr cze cs ces cs dan da \
    div dv dut nl nld nl dzo dz eng en epo eo est et ewe ee fao fo fij fj fin fi fre fr fra fr fry fy \
    ful ff geo ka kat ka ger de deu de gla gd gle ga glg gl glv gv gre el ell el grn gn guj gu hat ht \
    hau ha heb he her hz hin hi hmo ho hrv hr hun hu ibo ig ice is isl is ido io iii ii iku iu ile ie \
    ina ia ind id ipk ik ita it jav jv jpn ja kal kl kan kn kas ks kau kr kaz kk khm km kik ki kin rw \
    kir ky kom kv kon kg kor ko kua kj kur ku lao lo lat la lav lv lim li lin ln lit lt ltz lb lub lu \
    lug lg mac mk mkd mk mah mh mal ml mao mi mri mi mar mr may ms msa ms mlg mg mlt mt mon mn nau na \
    nav nv nbl nr nde nd ndo ng nep ne nno nn nob nb nor no nya ny oci oc oji oj ori or orm om oss os \
    pan pa per fa fas fa pli pi pol pl por pt pus ps que qu roh rm rum ro ron ro run rn rus ru sag sg \
    san sa sin si slo sk slk sk slv sl sme se smo sm sna sn snd sd som so sot st spa es srd sc srp sr \
    ssw ss sun su swa sw swe sv tah ty tam ta tat tt tel te tgk tg tgl tl tha th tib bo bod bo tir ti \
    ton to tsn tn tso ts tuk tk tur tr twi tw uig ug ukr uk urd ur uzb uz ven ve vie vi vol vo wel cy \
    cym cy wln wa wol wo xho xh yid yi yor yo zha za zul zu";

/// The tag (RFC 5646) of an ISO 639-2 code; `None` for what is no code, and for "undetermined".
pub(super) fn language_tag(code: &str) -> Option<String> {
    let well_formed = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_lowercase());
    if !well_formed || code == "und" {
        return None;
    }
    let mut words = TWO_LETTERS.split_whitespace();
    while let Some((long, short)) = words.next().zip(words.next()) {
        if long == code {
            return Some(short.to_owned());
        }
    }
    Some(code.to_owned())
}

/// The first of these texts that leaves a name, told apart from those that are used already.
pub(super) fn unique(texts: &[Option<&str>], used: &[String]) -> String {
    let name = texts
        .iter()
        .flatten()
        .map(|text| harmless(text))
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "audio".to_owned());
    let free = |name: &String| !used.contains(name);
    (1..=used.len() + 1)
        .map(|number| match number {
            1 => name.clone(),
            _ => format!("{name} ({number})"),
        })
        .find(free)
        .unwrap_or(name)
}

/// Text that can stand in a quoted string (RFC 8216 section 4.2): no line ends, no double quotes.
fn harmless(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|character| !character.is_control())
        .filter(|character| !matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
        .map(|character| if character == '"' { '\'' } else { character })
        .take(MAX_NAME_CHARACTERS)
        .collect();
    plain.trim().to_owned()
}

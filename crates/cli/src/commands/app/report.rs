//! The report of a release's test: one HTML file that needs nothing else.

use super::test::{CaseReport, said};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lightbox_inference::Release;
use std::fmt::Write;

const STYLE: &str = "
    :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
    body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
    h1 { font-size: 1.4rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin: 0 }
    article { display: grid; grid-template-columns: 16rem 1fr; gap: 0 1.5rem; border-top: 1px solid #8886; padding: 1rem 0 }
    img { width: 16rem; background: #000; display: block } .none { width: 16rem; color: #888 }
    table { border-collapse: collapse; margin: .5rem 0 } td, th { text-align: left; padding: .15rem 1rem .15rem 0 }
    td.number { font-variant-numeric: tabular-nums; text-align: right }
    .ok { color: #2b8a3e } .differs { color: #e03131 } code { font-size: .85em; word-break: break-all }";

/// The report as HTML.
pub fn html(release: &Release, cases: &[CaseReport]) -> String {
    let app = &release.manifest.app;
    let failed = cases.iter().filter(|case| !case.differences.is_empty()).count();
    let (class, verdict) = match failed {
        0 => ("ok", format!("passes its {} golden case(s)", cases.len())),
        _ => ("differs", format!("fails {failed} of its {} golden case(s)", cases.len())),
    };
    let articles: String = cases.iter().map(article).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n<p>{summary}<br>Intended use: {intended}</p>\n\
         <p class=\"{class}\"><strong>{verdict}</strong></p>\n\
         <p>Each case was received, routed, run, published and explained as in a hospital; each object that was made passed \
         the conformance gate.<br>Digest <code>{digest}</code>, Lightbox {version}. Not for clinical use.</p>\n\
         {articles}</body></html>\n",
        title = escape(&format!("{} {}", app.name, app.release)),
        summary = escape(&app.summary),
        intended = escape(&app.intended_use),
        digest = escape(&release.digest),
        version = env!("CARGO_PKG_VERSION"),
    )
}

fn article(case: &CaseReport) -> String {
    let picture = match &case.picture {
        Some(png) => {
            format!("<img alt=\"{}\" src=\"data:image/png;base64,{}\">", escape(&case.name), STANDARD.encode(png))
        }
        None => "<p class=\"none\">No picture</p>".to_owned(),
    };
    let (class, verdict) = if case.differences.is_empty() { ("ok", "as expected") } else { ("differs", "differs") };
    let mut text = format!(
        "<article><div>{picture}</div><div><h2>{} <span class=\"{class}\">{verdict}</span></h2>\n<p>{}</p>\n",
        escape(&case.name),
        escape(&case.about)
    );
    for difference in &case.differences {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "<p class=\"differs\">{}</p>", escape(difference));
    }
    if let Some(tried) = &case.tried {
        let _ = writeln!(text, "<p>{}</p>", escape(&said(tried)));
        text.push_str(&findings(case));
        let times = tried.run.as_ref().and_then(|run| Some((run.model_us?, run.turnaround_ms()?)));
        if let Some((model_us, turnaround_ms)) = times {
            let _ = writeln!(
                text,
                "<p>{turnaround_ms} ms from the last byte to the stored report, {} ms of them the model.</p>",
                model_us / 1_000
            );
        }
    }
    text.push_str("</div></article>\n");
    text
}

fn findings(case: &CaseReport) -> String {
    let findings = case.tried.iter().flat_map(|tried| &tried.outcome.findings);
    let rows: String = findings
        .map(|finding| {
            format!(
                "<tr><td>{}</td><td class=\"number\">{:.4}</td><td class=\"number\">{}</td><td>{}</td></tr>\n",
                escape(&finding.code.meaning),
                finding.score,
                finding.threshold,
                if finding.positive() { "present" } else { "not present" }
            )
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("<table><tr><th>Finding</th><th>Score</th><th>Threshold</th><th></th></tr>\n{rows}</table>\n"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_case_says_is_text_and_no_markup() {
        let case = CaseReport {
            name: "<b>".to_owned(),
            about: "a \"quoted\" & <i>".to_owned(),
            tried: None,
            differences: vec!["<script>".to_owned()],
            picture: None,
        };
        let text = article(&case);
        assert!(text.contains("&lt;b&gt;") && text.contains("&quot;quoted&quot; &amp; &lt;i&gt;"), "{text}");
        assert!(!text.contains("<script>"), "{text}");
    }
}

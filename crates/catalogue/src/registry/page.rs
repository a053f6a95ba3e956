//! Lists that registries give a page at a time, and some in a way of their own.

use crate::RegistryError;
use crate::error::PackageError;
use crate::limit::PAGE_NAMES_MAX;
use std::collections::BTreeSet;

/// Asks for page after page, each after the last name of the one before, until one brings nothing new or is short. A
/// registry that knows no pages gives all names at once, each time.
pub(crate) async fn collect<Answer>(
    what: &str,
    names_max: usize,
    mut ask: impl FnMut(Option<String>) -> Answer,
) -> Result<BTreeSet<String>, RegistryError>
where
    Answer: Future<Output = Result<Vec<String>, RegistryError>>,
{
    let mut names = BTreeSet::new();
    let mut last = None;
    loop {
        let page = ask(last.clone()).await?;
        let is_short = page.len() < PAGE_NAMES_MAX;
        last = page.last().cloned();
        let before = names.len();
        names.extend(page);
        PackageError::limit(what, names.len() as u64, names_max as u64, "names")?;
        if is_short || names.len() == before {
            return Ok(names);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{number:05}")).collect()
    }

    #[tokio::test]
    async fn registries_with_pages_and_without_are_read_to_the_end() {
        let all = names(2 * PAGE_NAMES_MAX + 7);
        let paged = collect("it", 5000, async |last: Option<String>| {
            let rest = all.iter().filter(|name| last.as_ref().is_none_or(|last| *name > last));
            Ok(rest.take(PAGE_NAMES_MAX).cloned().collect())
        });
        assert_eq!(paged.await.unwrap().len(), all.len());
        let at_once = collect("it", 5000, async |_| Ok(all.clone()));
        assert_eq!(at_once.await.unwrap().len(), all.len());
    }

    #[tokio::test]
    async fn a_list_without_end_is_refused() {
        let mut next = 0;
        let endless = collect("it", 5000, |_| {
            next += PAGE_NAMES_MAX;
            std::future::ready(Ok(names(next).split_off(next - PAGE_NAMES_MAX)))
        });
        assert!(endless.await.unwrap_err().to_string().contains("at most 5000"));
    }
}

//! Walks over an object and notes which of its bytes are to be replaced by which. Pixel data and all else that stays are never
//! read, so that an object of any size costs what its header does.

use super::marks::dummy_content;
use super::rules::{Attribute, Mode, Outcome, Rules, Scope};
use super::table::Task;
use super::{Action, DeidentificationOption, Mapping, Report};
use crate::InspectError;
use crate::object::{VALUE_BYTES_MAX, items, texts};
use crate::overlay::{Edit, delimiter, element, header};
use crate::syntax::Encoding;
use crate::walk::{Element, Event, ITEM_DELIMITATION, SEQUENCE_DELIMITATION, UNDEFINED, Walker, dictionary_vr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use std::collections::BTreeMap;

/// What a walk over an object brought.
pub(super) struct Rewritten {
    /// In their order, without overlap.
    pub edits: Vec<Edit>,
    pub mapping: Mapping,
    pub report: Report,
}

struct Rewriter<'r, 'w> {
    rules: &'r Rules<'r>,
    walker: Walker<'w>,
    /// Whole elements of the top level that are still to be put in their place.
    marks: BTreeMap<Tag, Vec<u8>>,
    /// The last element of the top level.
    last: Option<Tag>,
    /// Where the next element or delimiter begins.
    at: u64,
    path: Vec<Tag>,
    edits: Vec<Edit>,
    mapping: Mapping,
    report: Report,
}

/// Walks over a data set; `object` is what was decoded of it before.
pub(super) fn rewrite(
    walker: Walker<'_>,
    object: &InMemDicomObject,
    rules: &Rules<'_>,
    marks: BTreeMap<Tag, Vec<u8>>,
) -> Result<Rewritten, InspectError> {
    let at = walker.position();
    let mut rewriter = Rewriter {
        rules,
        walker,
        marks,
        last: None,
        at,
        path: Vec::new(),
        edits: Vec::new(),
        mapping: Mapping::default(),
        report: Report::default(),
    };
    rewriter.elements(&Scope { item: object, within: None, mode: Mode::Plain })?;
    let Rewriter { mut edits, mapping, report, .. } = rewriter;
    // Stable: what is inserted at one place was noted in its order.
    edits.sort_by_key(|edit| edit.range.start);
    if edits.windows(2).any(|pair| pair[0].range.end > pair[1].range.start) {
        return Err(InspectError::Malformed("its sequences overlap".to_owned()));
    }
    Ok(Rewritten { edits, mapping, report })
}

impl Rewriter<'_, '_> {
    /// The elements of the data set to its end, or those of an item to the end of that.
    fn elements(&mut self, scope: &Scope<'_>) -> Result<(), InspectError> {
        loop {
            let start = self.at;
            match self.walker.next()? {
                Some(Event::Element(element)) => self.element(element, start, scope)?,
                Some(Event::SequenceStart(tag)) => self.sequence(tag, start, scope)?,
                Some(Event::FragmentsStart(tag, vr)) => self.fragments(tag, vr, start, scope)?,
                Some(Event::ItemEnd) if scope.within.is_some() => {
                    self.at = self.walker.position();
                    return Ok(());
                }
                None if scope.within.is_none() => {
                    for bytes in std::mem::take(&mut self.marks).into_values() {
                        self.replace(start, start, bytes);
                    }
                    return Ok(());
                }
                None => return Err(InspectError::Truncated),
                Some(_) => return Err(InspectError::Malformed("an item stands outside its sequence".to_owned())),
            }
        }
    }

    fn element(&mut self, element: Element, start: u64, scope: &Scope<'_>) -> Result<(), InspectError> {
        let Element { tag, length, .. } = element;
        let vr = known_vr(element);
        if vr == VR::SQ && element.vr == VR::UN && length > 0 {
            self.walker.enter_value()?;
            return self.sequence(tag, start, scope);
        }
        self.at = self.walker.position() + u64::from(length);
        if let Some(mark) = self.mark(tag, start, scope)? {
            self.replace(start, self.at, mark);
            return Ok(());
        }
        let Some(task) = self.rules.task(scope, tag, vr) else { return Ok(()) };
        let attribute = self.attribute(Element { vr, ..element }, *scope)?;
        let (outcome, action) = self.rules.settle(task, &attribute, &mut self.mapping);
        self.note(tag, action);
        match outcome {
            Outcome::Goes => self.replace(start, self.at, Vec::new()),
            // It has no items, and nothing else stands for a sequence.
            Outcome::Becomes(_) if vr == VR::SQ => {}
            Outcome::Becomes(value) => {
                let bytes = whole_element(self.walker.encoding(), tag, vr, value)?;
                self.replace(start, self.at, bytes);
            }
            Outcome::Stays => {}
        }
        Ok(())
    }

    /// The value of an element, as the rules look at it.
    fn attribute<'o>(&mut self, element: Element, scope: Scope<'o>) -> Result<Attribute<'o>, InspectError> {
        let Element { tag, vr, length } = element;
        let is_decoded = scope.item.get(tag).is_some();
        let is_private = !tag.group().is_multiple_of(2);
        let bytes = match length <= VALUE_BYTES_MAX && (is_private || !is_decoded) {
            true => self.walker.read_value()?,
            false => Vec::new(),
        };
        let text = match is_decoded {
            true => texts(scope.item, tag).join("\\"),
            false => String::from_utf8_lossy(&bytes).trim_end_matches([' ', '\0']).to_owned(),
        };
        Ok(Attribute { scope, tag, vr, text, bytes })
    }

    fn sequence(&mut self, tag: Tag, start: u64, scope: &Scope<'_>) -> Result<(), InspectError> {
        if let Some(mark) = self.mark(tag, start, scope)? {
            self.pass()?;
            self.replace(start, self.at, mark);
            return Ok(());
        }
        let task = self.rules.sequence_task(scope, tag);
        if let Some(action) = task.map(action_of) {
            self.note(tag, action);
        }
        let is_content = tag == tags::CONTENT_SEQUENCE && task == Some(Task::Dummy);
        match self.rules.mode(task, scope) {
            Some(mode) if !is_content => self.items(tag, scope, mode),
            _ => {
                self.pass()?;
                let encoding = self.walker.encoding();
                let bytes = match task {
                    _ if is_content => dummy_content(encoding)?,
                    Some(Task::Empty) => header(encoding, tag, VR::SQ, 0)?,
                    _ => Vec::new(),
                };
                self.replace(start, self.at, bytes);
                Ok(())
            }
        }
    }

    /// Looks through the items of the sequence that the walker has just entered.
    fn items(&mut self, tag: Tag, scope: &Scope<'_>, mode: Mode) -> Result<(), InspectError> {
        let nothing = InMemDicomObject::new_empty();
        let frame = self.enter();
        let decoded = items(scope.item, tag);
        self.path.push(tag);
        for place in 0.. {
            match self.walker.next()? {
                Some(Event::ItemStart) => {
                    let item = decoded.get(place).unwrap_or(&nothing);
                    let frame = self.enter();
                    self.elements(&Scope { item, within: Some(tag), mode })?;
                    self.leave(&frame, ITEM_DELIMITATION);
                }
                Some(_) => break,
                None => return Err(InspectError::Truncated),
            }
        }
        self.path.pop();
        self.at = self.walker.position();
        self.leave(&frame, SEQUENCE_DELIMITATION);
        Ok(())
    }

    /// Notes where a sequence or an item begins whose header was just read.
    fn enter(&mut self) -> Frame {
        self.at = self.walker.position();
        Frame {
            content: self.at,
            is_defined: self.walker.defined_length().is_some(),
            encoding: self.walker.encoding(),
            edits_before: self.edits.len(),
        }
    }

    /// Where anything changed in it, a defined length would be wrong: it ends by a delimiter from now on. The length is the
    /// last four bytes of its header, in every encoding.
    fn leave(&mut self, frame: &Frame, end: Tag) {
        if frame.is_defined && self.edits.len() > frame.edits_before {
            self.replace(frame.content - 4, frame.content, UNDEFINED.to_le_bytes().to_vec());
            self.replace(self.at, self.at, delimiter(frame.encoding, end, 0));
        }
    }

    /// Compressed pixels stay where they belong; under any other name, fragments cannot be looked into.
    fn fragments(&mut self, tag: Tag, vr: VR, start: u64, scope: &Scope<'_>) -> Result<(), InspectError> {
        let mark = self.mark(tag, start, scope)?;
        self.pass()?;
        let task = self.rules.task(scope, tag, vr);
        if mark.is_none() && (tag == tags::PIXEL_DATA && task.is_none() || task == Some(Task::Keep)) {
            return Ok(());
        }
        self.note(tag, Action::Remove);
        self.replace(start, self.at, mark.unwrap_or_default());
        Ok(())
    }

    /// Passes over the sequence or the fragments that the walker has just entered.
    fn pass(&mut self) -> Result<(), InspectError> {
        let depth = self.walker.depth();
        while self.walker.depth() >= depth {
            if self.walker.next()?.is_none() {
                return Err(InspectError::Truncated);
            }
        }
        self.at = self.walker.position();
        Ok(())
    }

    /// Puts marks in their place before this element of the top level; gives the one that takes its own.
    fn mark(&mut self, tag: Tag, start: u64, scope: &Scope<'_>) -> Result<Option<Vec<u8>>, InspectError> {
        if scope.within.is_some() {
            return Ok(None);
        }
        if self.last.is_some_and(|last| last >= tag) {
            return Err(InspectError::Malformed(format!("{tag} stands after larger tags")));
        }
        self.last = Some(tag);
        let later = self.marks.split_off(&tag);
        for bytes in std::mem::replace(&mut self.marks, later).into_values() {
            self.replace(start, start, bytes);
        }
        Ok(self.marks.remove(&tag))
    }

    fn replace(&mut self, start: u64, end: u64, bytes: Vec<u8>) {
        self.edits.push(Edit { range: start..end, bytes });
    }

    /// Group lengths are retired, and go without saying.
    fn note(&mut self, tag: Tag, action: Action) {
        if tag.element() != 0 {
            self.path.push(tag);
            self.report.note(&self.path, action);
            self.path.pop();
        }
    }
}

/// A sequence or an item that is looked through.
struct Frame {
    /// Where its content begins.
    content: u64,
    /// Whether it says its length.
    is_defined: bool,
    /// Of what is in it.
    encoding: Encoding,
    edits_before: usize,
}

/// The letter that tells what became of a sequence.
fn action_of(task: Task) -> Action {
    match task {
        Task::Remove | Task::Clean(DeidentificationOption::RetainSafePrivate) => Action::Remove,
        Task::Empty => Action::Empty,
        Task::Dummy => Action::Dummy,
        Task::ReplaceUid | Task::References => Action::ReplaceUid,
        Task::Keep => Action::Keep,
        Task::Clean(_) => Action::Clean,
    }
}

/// The dictionary's VR where the encoding says that it is unknown (PS3.5 §6.2.2).
fn known_vr(element: Element) -> VR {
    if element.vr == VR::UN { dictionary_vr(element.tag) } else { element.vr }
}

/// A UID is padded by a null byte, as no text is (PS3.5 §9.1).
fn whole_element(encoding: Encoding, tag: Tag, vr: VR, mut value: Vec<u8>) -> Result<Vec<u8>, InspectError> {
    if vr == VR::UI && value.len() % 2 == 1 {
        value.push(0);
    }
    element(encoding, tag, vr, &value)
}

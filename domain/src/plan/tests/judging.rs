//! Shows when a revision holds, and that revisions end.

//! Every file of the corpus, in scope or out, with the reason.

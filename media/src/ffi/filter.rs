//! One video filter of libavfilter, on the caller's thread.

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi;

use super::frame::Frame;
use super::options::c_string;
use super::{Step, check, out_of_memory, step};
use crate::error::MediaError;

/// A filter between a source and a sink. Frames of one size and format go in.
#[derive(Debug)]
pub struct VideoFilter {
    graph: NonNull<ffi::AVFilterGraph>,
    source: *mut ffi::AVFilterContext,
    sink: *mut ffi::AVFilterContext,
}

impl VideoFilter {
    /// A filter by its name and arguments, for frames of a size and format (FFmpeg's number). Times
    /// are counted in whole numbers.
    ///
    /// # Errors
    ///
    /// `Bug` if FFmpeg has no such filter, or the filter refuses its arguments or the frames.
    pub fn new(
        (name, arguments): (&CStr, &str),
        (width, height): (u32, u32),
        format: c_int,
    ) -> Result<Self, MediaError> {
        super::prepare();
        // SAFETY: allocates or returns null.
        let graph = unsafe { ffi::avfilter_graph_alloc() };
        let graph = NonNull::new(graph).ok_or_else(|| out_of_memory("filter graph"))?;
        let mut filter = Self {
            graph,
            source: ptr::null_mut(),
            sink: ptr::null_mut(),
        };
        // SAFETY: just allocated; borrowed exclusively for this statement.
        unsafe { filter.graph.as_mut() }.nb_threads = 1;
        let frames =
            format!("video_size={width}x{height}:pix_fmt={format}:time_base=1/1:pixel_aspect=1/1");
        filter.source = filter.add(c"buffer", &frames)?;
        let middle = filter.add(name, arguments)?;
        filter.sink = filter.add(c"buffersink", "")?;
        link(filter.source, middle)?;
        link(middle, filter.sink)?;
        // SAFETY: the graph is whole and isn't configured yet.
        let code = unsafe { ffi::avfilter_graph_config(graph.as_ptr(), ptr::null_mut()) };
        check(code).map_err(|error| error.into_bug("a filter takes its frames"))?;
        Ok(filter)
    }

    fn add(
        &mut self,
        name: &CStr,
        arguments: &str,
    ) -> Result<*mut ffi::AVFilterContext, MediaError> {
        let arguments = c_string(arguments)?;
        let mut context = ptr::null_mut();
        // SAFETY: the name is terminated; a static description or null.
        let description = unsafe { ffi::avfilter_get_by_name(name.as_ptr()) };
        if description.is_null() {
            return Err(MediaError::Bug {
                rule: format!("FFmpeg is built with the filter {name:?}"),
            });
        }
        // SAFETY: the graph is ours and owns the new context; all strings are terminated.
        let code = unsafe {
            ffi::avfilter_graph_create_filter(
                &raw mut context,
                description,
                name.as_ptr(),
                arguments.as_ptr(),
                ptr::null_mut(),
                self.graph.as_ptr(),
            )
        };
        check(code).map_err(|error| error.into_bug("a filter takes its arguments"))?;
        Ok(context)
    }

    /// Gives the filter one frame, or `None` to say that no more come.
    ///
    /// # Errors
    ///
    /// `Bug`: what the filter says of it.
    pub fn send(&mut self, frame: Option<Frame>) -> Result<(), MediaError> {
        let mut frame = frame;
        let raw = frame.as_mut().map_or(ptr::null_mut(), Frame::as_mut_ptr);
        // SAFETY: the source belongs to the graph; the frame's data moves into it, or it is null.
        let code = unsafe { ffi::av_buffersrc_add_frame_flags(self.source, raw, 0) };
        check(code).map_err(|error| error.into_bug("a filter takes a frame"))?;
        Ok(())
    }

    /// Takes the next frame.
    ///
    /// # Errors
    ///
    /// `Bug`: what the filter says of it.
    pub fn receive(&mut self, frame: &mut Frame) -> Result<Step, MediaError> {
        // SAFETY: the sink belongs to the graph; the frame is valid and holds no data.
        let code = unsafe { ffi::av_buffersink_get_frame(self.sink, frame.as_mut_ptr()) };
        step(code).map_err(|error| error.into_bug("a filter gives a frame"))
    }
}

impl Drop for VideoFilter {
    fn drop(&mut self) {
        let mut graph = self.graph.as_ptr();
        // SAFETY: ours, and never used again; frees its filters, too.
        unsafe { ffi::avfilter_graph_free(&raw mut graph) };
    }
}

fn link(from: *mut ffi::AVFilterContext, to: *mut ffi::AVFilterContext) -> Result<(), MediaError> {
    // SAFETY: both are filters of one graph with one free pad each.
    let code = unsafe { ffi::avfilter_link(from, 0, to, 0) };
    check(code).map_err(|error| error.into_bug("filters are joined"))?;
    Ok(())
}

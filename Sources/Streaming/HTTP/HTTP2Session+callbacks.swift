internal import CNghttp2

/// What the library tells of the client's frames. Each callback finds its session in the pointer that it is given.
extension HTTP2Session {
  private static func of(_ context: UnsafeMutableRawPointer?) -> HTTP2Session {
    Unmanaged<HTTP2Session>.fromOpaque(context!).takeUnretainedValue()
  }

  /// Makes the session; false without memory for it.
  func start() -> Bool {
    var callbacks: OpaquePointer?
    var options: OpaquePointer?
    defer {
      nghttp2_session_callbacks_del(callbacks)
      nghttp2_option_del(options)
    }
    guard nghttp2_session_callbacks_new(&callbacks) == 0, nghttp2_option_new(&options) == 0 else { return false }
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, head, context in
      HTTP2Session.of(context).count(head!.pointee)
      return 0
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, context in
      // Fields after the body are of no use here and change nothing.
      if frame!.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
        HTTP2Session.of(context).streams[frame!.pointee.hd.stream_id] = Stream()
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, context in
      guard frame!.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
      return HTTP2Session.of(context).takeField(
        frame!.pointee.hd.stream_id, UnsafeBufferPointer(start: name, count: nameCount),
        UnsafeBufferPointer(start: value, count: valueCount))
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, number, bytes, count, context in
      HTTP2Session.of(context).takeBody(number, UnsafeBufferPointer(start: bytes, count: count))
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
      let head = frame!.pointee.hd
      let isRequest = head.type == UInt8(NGHTTP2_HEADERS.rawValue) || head.type == UInt8(NGHTTP2_DATA.rawValue)
      if isRequest, head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
        HTTP2Session.of(context).finish(head.stream_id)
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, context in
      let head = frame!.pointee.hd
      let isAnswer = head.type == UInt8(NGHTTP2_HEADERS.rawValue) || head.type == UInt8(NGHTTP2_DATA.rawValue)
      if isAnswer, head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
        HTTP2Session.of(context).endHalf(head.stream_id)
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, number, _, context in
      HTTP2Session.of(context).forget(number)
      return 0
    }
    nghttp2_option_set_max_outbound_ack(options, 100)
    nghttp2_option_set_no_closed_streams(options, 1)
    guard
      nghttp2_session_server_new2(&session, callbacks, Unmanaged.passUnretained(self).toOpaque(), options) == 0
    else { return false }
    let settings = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: UInt32(limits.streams)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(limits.head)),
      // No tree of priorities is kept (RFC 9218 section 2.1).
      nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
    ]
    return nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count) == 0
  }

  /// Gives the next bytes of an answer to the library.
  static let readAnswer: nghttp2_data_source_read_callback = { _, number, buffer, room, flags, _, context in
    let own = HTTP2Session.of(context)
    guard let stream = own.streams[number], let answer = stream.answer else {
      return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    let count = min(room, answer.count - stream.sent)
    answer.withUnsafeBufferPointer { buffer!.update(from: $0.baseAddress! + stream.sent, count: count) }
    stream.sent += count
    own.pending -= count
    if stream.sent == answer.count { flags!.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue) }
    return count
  }

  /// Takes credit for frames that are no part of a request, or an empty one.
  private func count(_ head: nghttp2_frame_hd) {
    switch head.type {
    case UInt8(NGHTTP2_HEADERS.rawValue): break
    case UInt8(NGHTTP2_DATA.rawValue): if head.length == 0 { credit -= 1 }
    case UInt8(NGHTTP2_RST_STREAM.rawValue): credit -= 10
    default: credit -= 1
    }
  }

  private func takeField(_ number: Int32, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>)
    -> Int32
  {
    guard let stream = streams[number], stream.refusal == nil else { return 0 }
    let size = name.count + value.count + 32
    guard stream.headSize + size <= limits.head else {
      stream.refusal = 431
      return 0
    }
    guard held + size <= limits.held else { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue }
    stream.headSize += size
    stream.held += size
    held += size
    let text = String(decoding: value, as: UTF8.self)
    switch String(decoding: name, as: UTF8.self) {
    case ":method": stream.method = text
    case ":path": stream.target = text
    case let name: stream.fields[name] = text
    }
    return 0
  }

  private func takeBody(_ number: Int32, _ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
    guard let stream = streams[number], stream.refusal == nil, stream.answer == nil else { return 0 }
    if stream.body.count + bytes.count > limits.body {
      stream.refusal = 413
      ready.append(number)
      return 0
    }
    guard held + bytes.count <= limits.held else {
      reset(number, NGHTTP2_ENHANCE_YOUR_CALM)
      return 0
    }
    stream.body += bytes
    stream.held += bytes.count
    held += bytes.count
    return 0
  }

  private func finish(_ number: Int32) {
    guard let stream = streams[number], !stream.isWhole else { return }
    stream.isWhole = true
    ready.append(number)
  }

  /// What else the client would send for a request that is answered is of no use (RFC 9113 section 8.1).
  private func endHalf(_ number: Int32) {
    if streams[number]?.isWhole == false { reset(number, NGHTTP2_NO_ERROR) }
  }

  private func forget(_ number: Int32) {
    guard let stream = streams.removeValue(forKey: number) else { return }
    release(stream)
    if let answer = stream.answer { pending -= answer.count - stream.sent }
  }
}

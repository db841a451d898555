/** What follows every failure of NVENC, whatever its cause: nobody may decide by it. */
const nvencTail = [
  '[h264_nvenc @ 0x55d0c8a3c2c0] [fatal] No capable devices found',
  '[error] Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0 - maybe incorrect parameters such as bit_rate, rate, width or height',
  '[AVIOContext @ 0x55d0c8a41b40] [info] Statistics: 1041 bytes read, 0 seeks',
  '[error] Conversion failed!',
];

const nvenc = (line: string): string[] => [`[h264_nvenc @ 0x55d0c8a3c2c0] [error] ${line}`, ...nvencTail];

/** The lines of each known failure, in the order in which ffmpeg prints them. */
export const ffmpegLines = {
  sessionLimit: nvenc('OpenEncodeSessionEx failed: incompatible client key (21): (no details)'),
  sessionLimitOfOldDrivers: nvenc('OpenEncodeSessionEx failed: out of memory (10): (no details)'),
  vram: [
    '[AVHWDeviceContext @ 0x55d0c8a0c5c0] [error] cu->cuCtxCreate(&hwctx->cuda_ctx, desired_flags, hwctx->internal->cuda_device) failed -> CUDA_ERROR_OUT_OF_MEMORY: out of memory',
    '[error] Device creation failed: -542398533.',
    '[h264 @ 0x55d0c8a09d00] [error] No device available for decoder: device type cuda needed for codec h264.',
    '[error] Device setup failed for decoder on input stream #0:0 : Generic error in an external library',
  ],
  noDriver: [
    '[AVHWDeviceContext @ 0x55c9899efb80] [error] Cannot load libcuda.so.1',
    '[AVHWDeviceContext @ 0x55c9899efb80] [error] Could not dynamically load CUDA',
    '[error] Device creation failed: -1.',
    '[h264 @ 0x55c9899d6380] [error] No device available for decoder: device type cuda needed for codec h264.',
    '[error] Device setup failed for decoder on input stream #0:0 : Operation not permitted',
  ],
  noEncodeLibrary: nvenc('Cannot load libnvidia-encode.so.1'),
  wrongDriver: [
    '[h264_nvenc @ 0x55d0c8a3c2c0] [error] Driver does not support the required nvenc API version. Required: 13.1 Found: 13.0',
    '[h264_nvenc @ 0x55d0c8a3c2c0] [error] The minimum required Nvidia driver for nvenc is 610.00 or newer',
    ...nvencTail.slice(1),
  ],
  noEncoderInCard: nvenc('OpenEncodeSessionEx failed: unsupported device (2): (no details)'),
  overWide: ['[h264_nvenc @ 0x55d0c8a3c2c0] [warning] Width 5120 exceeds 4096', ...nvencTail],
  undecodable: [
    '[h264 @ 0x55d0c8a09d00] [warning] Hardware is lacking required capabilities',
    '[h264 @ 0x55d0c8a09d00] [error] Failed setup for format cuda: hwaccel initialisation returned error.',
    "[error] Impossible to convert between the formats supported by the filter 'Parsed_fps_0' and the filter 'auto_scale_0'",
    '[error] Error reinitializing filters!',
    '[error] Failed to inject frame into filter network: Function not implemented',
    '[error] Error while processing the decoded data for stream #0:0',
  ],
  deviceLost: [
    '[h264_nvenc @ 0x55d0c8a3c2c0] [error] dl_fn->cuda_dl->cuCtxPushCurrent(ctx->cu_context) failed -> CUDA_ERROR_ECC_UNCORRECTABLE: uncorrectable ECC error encountered',
    '[error] Video encoding failed',
  ],
  noRenderNode: [
    '[AVHWDeviceContext @ 0x562105aaa940] [error] No VA display found for device /dev/dri/renderD128.',
    '[error] Device creation failed: -22.',
  ],
  noMfx: ['[h264_qsv @ 0x5597d6352d40] [error] Error initializing an internal MFX session: unsupported (-3)'],
  unspecific: nvencTail,
};

/** Query parameters and path pieces in which cameras are known to carry a login. */
const secretParameter = /((?:user(?:name)?|usr|login|pass(?:word|wd)?|pwd|auth|token|key)=)[^&\s/"'<>]+/gi;

/** `scheme://anything@`: the user part may itself hold an `@`, so it is taken up to the last one before a slash. */
const userInfo = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/"'<>]*@/gi;

/** RTSP and HTTP login headers. */
const authorizationHeader = /((?:proxy-)?authorization:\s*)[^\r\n]+/gi;

/** The text without any login: what may stand in logs, errors, Temporal and answers. */
export function redact(text: string): string {
  return text.replace(userInfo, '$1').replace(secretParameter, '$1***').replace(authorizationHeader, '$1***');
}

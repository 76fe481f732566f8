// Which key was pressed, for shortcuts: the Latin letter on it. With a Korean layout in Hangul mode the key of J says
// "ㅓ", and with Caps Lock "J"; who reviews in Korean has the first all day.

const HANGUL_LETTER = /^[\u3131-\u318e]$/;

export function letterOf({ key, code, shiftKey }) {
  if (HANGUL_LETTER.test(key) && /^Key[A-Z]$/.test(code)) return code[3].toLowerCase();
  return /^[A-Z]$/.test(key) && !shiftKey ? key.toLowerCase() : key;
}

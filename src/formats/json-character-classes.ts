const classes = new Uint8Array(256);
for (let c = 0x20; c < 256; c++) classes[c] = 1;
classes[0x22] = 0;
classes[0x5c] = 0;
for (const [characters, flag] of [
  [' \n\r\t', 2],
  ['0123456789', 4],
  ['0123456789abcdefABCDEF', 8],
  ['"\\/bfnrt', 16],
] as const) {
  for (const character of characters) {
    const code = character.charCodeAt(0);
    classes[code] = (classes[code] ?? 0) | flag;
  }
}

/** What a byte may be in JSON. 1: inside a string as it is. 2: white space. 4: digit. 8: hex digit. 16: behind a backslash. */
export const jsonCharacterClasses: Readonly<Uint8Array> = classes;

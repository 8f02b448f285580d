/** The part of `fs-native-extensions` that is used here; the package has no types of its own. */
declare module 'fs-native-extensions' {
  const native: {
    /** Takes an exclusive lock on the whole file if nobody else holds one. */
    tryLock(fd: number): boolean;
  };
  export default native;
}

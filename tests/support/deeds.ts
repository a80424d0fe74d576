// What functions of users may do instead of what they should.

/** What a function of the user's may do. */
export const DEEDS: Record<string, (thrown: unknown) => unknown> = {
  "throws": (thrown) => {
    throw thrown;
  },
  "rejects": (thrown) => Promise.reject(thrown),
  "never settles": () => new Promise(() => {}),
  "gives a promise that throws when it is looked at": (thrown) => ({
    get then() {
      throw thrown;
    },
  }),
  "gives a promise that settles twice": (thrown) => ({
    then(resolve: () => void, reject: (reason: unknown) => void) {
      resolve();
      resolve();
      reject(thrown);
    },
  }),
};

/** Goes on with a value that may still be on its way: at once when it is here, so that no promise is made for it. */
export function maybeThen<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

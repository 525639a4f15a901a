/** The URL of the database is none that can be used. No part of it is in the message: it has the password. */
export class AddressError extends Error {
  override name = "AddressError";
}

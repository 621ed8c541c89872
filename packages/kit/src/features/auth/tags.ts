/**
 * The tag of what is kept about all users, such as a search: registering makes it invalid, and so does
 * whatever else changes a user.
 */
export const usersTag = 'tautline:users'

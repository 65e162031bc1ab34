/** What the page uses of `htm/preact/standalone`, which the daemon serves under this name. */
export {
  createContext,
  html,
  render,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'htm/preact/standalone';

; Asks the code of Puppet Server what it takes. A question is a line: its kind, a tab, the value. An answer is the same
; with what Puppet Server makes of the value, or "refused" and its words.
(require '[puppetlabs.puppetserver.certificate-authority :as ca] '[clojure.string :as str])
(import '(java.util.concurrent.locks ReentrantReadWriteLock))

(defn inventory [line]
  (let [file (java.io.File/createTempFile "inventory" ".txt")]
    (spit file (str line "\n"))
    (let [settings {:cert-inventory (str file) :inventory-lock (ReentrantReadWriteLock.) :inventory-lock-timeout-seconds 60}]
      ; The one reads every line, the other the subjects, too.
      (str/join " " (concat (ca/expired-inventory-serials settings) (ca/find-matching-valid-serial-numbers settings "web01"))))))

(defn answer [kind value]
  (case kind
    "auto-renewal-cert-ttl" (or (ca/duration-str->sec value) (throw (IllegalArgumentException. "no duration")))
    "ca_ttl" (do (ca/validate-settings! {:ca-ttl (Long/parseLong value)}) value)
    "serial" (let [next (inc (ca/parse-serial-number (str/trim value)))]
               (ca/parse-serial-number (ca/format-serial-number next)))
    "inventory" (inventory value)))

(doseq [line (line-seq (java.io.BufferedReader. *in*))]
  (let [[kind value] (str/split line #"\t" 2)]
    (println (str line "\t" (try (answer kind value) (catch Throwable error (str "refused: " (.getMessage error))))))))

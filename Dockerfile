# Never built where it was written, as no image registry could be reached from there; a test checks
# its text. docker build -t terrafirma . && docker run -p 8080:8080 -v ./site:/site:ro terrafirma
FROM node:26-slim
WORKDIR /usr/lib/terrafirma
COPY package.json package-lock.json ./
# The image has its Node.js: without --omit=optional there would be a second one, of 200 MB.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
COPY bin ./bin
COPY src ./src
COPY config ./config
COPY docs ./docs
COPY LICENSE README.md CHANGELOG.md ./
RUN useradd --uid 10001 --no-create-home terrafirma \
  && install --directory --owner=10001 --mode=0700 /var/lib/terrafirma \
  && ln -s /usr/lib/terrafirma/bin/terrafirma.js /usr/local/bin/terrafirma
USER 10001
ENV TERRAFIRMA_STATE_DIRECTORY=/var/lib/terrafirma PORT=8080
VOLUME /var/lib/terrafirma
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["terrafirma", "status", "--healthz"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["terrafirma"]
CMD ["serve", "/site"]

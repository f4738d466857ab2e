# The monitor for a server: no secrets inside, not root, nothing fetched at run time.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY monitor monitor
COPY collectors collectors
COPY classifiers classifiers
COPY config config
# Point pip at an index of CPU builds (PIP_EXTRA_INDEX_URL) to leave the CUDA packages out.
ARG PIP_EXTRA_INDEX_URL=""
RUN python -m venv /opt/monitor \
    && /opt/monitor/bin/pip install --no-cache-dir -c requirements.lock ".[dask]"

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 monitor \
    && mkdir /data && chown monitor /data
COPY --from=build /opt/monitor /opt/monitor
ENV PATH=/opt/monitor/bin:$PATH \
    MONITOR_HOME=/data \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1
USER monitor
WORKDIR /data
VOLUME /data
EXPOSE 8000
CMD ["monitor", "run"]

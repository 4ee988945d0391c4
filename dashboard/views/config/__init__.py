"""The page on which admins edit rules, groups and limits of `config.yaml`."""
